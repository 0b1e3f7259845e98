import { type State, type StatusBody, TERMINAL_STATES } from '@switchyard/contracts';
import type { Client } from '@switchyard/sdk';
import { EXIT } from './failures.ts';
import { paintState, print } from './output/print.ts';
import { openProgress } from './output/progress.ts';
import { errorSentence, printStatusJson, statusLines } from './output/status.ts';

const FAILURES_SHOWN_MAX = 50;

type Tally = { readonly counts: Map<State, number>; readonly failures: string[]; ended: number };

/**
 * Waits until all jobs have ended, showing how many have, and prints how they ended: of one job its
 * status, of several a count of each state and a line for each that did not complete; with `json`
 * the status of each as it ends, one a line. When it is broken off, the ids that have not ended are
 * printed instead. @returns the exit code: 1 when any job ended other than COMPLETED.
 */
export const followJobs = async (
  client: Client,
  endpoint: string,
  jobIds: readonly string[],
  { json, signal }: { readonly json: boolean; readonly signal: AbortSignal },
): Promise<number> => {
  const open = new Set(jobIds);
  const { size } = open;
  const tally: Tally = { counts: new Map(), failures: [], ended: 0 };
  const isQuiet = size === 1 || (json && process.stdout.isTTY);
  const progress = isQuiet ? undefined : openProgress('ended', size);
  try {
    for await (const status of client.wait(endpoint, [...open], { signal })) {
      open.delete(status.id);
      count(tally, status);
      if (json) printStatusJson(status);
      else if (size === 1) print(...statusLines(status));
      progress?.set(tally.ended, remarkOf(tally));
    }
  } catch (error) {
    progress?.end();
    if (!json) print(...open);
    throw error;
  }
  progress?.end();
  if (!json && size !== 1) print(...summaryLines(tally));
  return tally.ended === (tally.counts.get('COMPLETED') ?? 0) ? EXIT.fine : EXIT.failed;
};

const count = (tally: Tally, { id, status, error }: StatusBody): void => {
  tally.ended += 1;
  tally.counts.set(status, (tally.counts.get(status) ?? 0) + 1);
  if (status === 'COMPLETED' || tally.failures.length >= FAILURES_SHOWN_MAX) return;
  const reason = error === undefined ? '' : `  ${errorSentence(error)}`;
  tally.failures.push(`${id}  ${paintState(status)}${reason}`);
};

const remarkOf = ({ counts }: Tally): string =>
  TERMINAL_STATES.filter((state) => state !== 'COMPLETED' && counts.has(state))
    .map((state) => `${counts.get(state)} ${state}`)
    .join(', ');

const summaryLines = ({ counts, failures, ended }: Tally): string[] => {
  const parts = TERMINAL_STATES.filter((state) => counts.has(state)).map(
    (state) => `${counts.get(state)} ${paintState(state)}`,
  );
  const hidden = ended - (counts.get('COMPLETED') ?? 0) - failures.length;
  const more = hidden > 0 ? [`and ${hidden} more that did not complete`] : [];
  return [...failures, ...more, `${ended} jobs: ${parts.join(', ') || 'none'}`];
};
