/** About 200 bytes, the same for all. */
const INPUT = {
  user: 'u-1234567',
  template: 'welcome-mail',
  params: { locale: 'en-GB', plan: 'enterprise', ref: 'abcdefghijklmnopqrstuvwxyz0123456789' },
  note: 'x'.repeat(60),
};

/** Stands in a body for the moment of sending, as digits of a µs count. */
export const STAMP = '"sentUs":0';

/** An input as JSON. */
export const PLAIN_INPUT = JSON.stringify(INPUT);
/** One that tells when it was sent. */
export const STAMPED_INPUT = JSON.stringify({ ...INPUT, sentUs: 0 });

/** The monotonic clock of the machine, which all processes share, in µs. */
export const nowUs = (): number => Number(process.hrtime.bigint() / 1_000n);

/** When the client sent a job, if its input tells. */
export const sentUsOf = (input: unknown): number | undefined => {
  if (typeof input !== 'object' || input === null || !('sentUs' in input)) return undefined;
  return typeof input.sentUs === 'number' ? input.sentUs : undefined;
};
