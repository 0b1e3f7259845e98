import { checkInvariants as check, openStore } from '@switchyard/store';

const WITHIN_MS = 600_000;

/**
 * Looks at a whole database for what must never be, as `switchyard doctor --invariants` does. It
 * may be called while the services run. What it finds of times is told with 'times' alone: tests
 * put jobs back in time, and step clocks.
 * @returns a sentence for each invariant that is broken; none when all is well.
 */
export const checkInvariants = async (url: string, also?: 'times'): Promise<string[]> => {
  const store = openStore({ url, applicationName: 'invariants', connections: 1 });
  try {
    const { broken: found, left } = await check(store, { withinMs: WITHIN_MS });
    const broken = found.filter(({ code }) => also === 'times' || !code.startsWith('times.'));
    return [
      ...broken.map(({ code, sentence, breaches, examples }) => {
        const shown = examples.slice(0, 3).map(({ jobId, what }) => `${jobId ?? 'it'} ${what}`);
        return `Not so (${code}): ${sentence} ${breaches} breaches: ${shown.join('; ')}.`;
      }),
      ...left.map((rest) => `Not looked at: ${rest}.`),
    ];
  } finally {
    await store.close();
  }
};
