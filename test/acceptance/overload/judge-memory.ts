import { SERVICES, type ServiceName } from '../../support/start-switchyard.ts';
import type { Checks } from '../support/checks.ts';
import type { Measured } from './run-part.ts';

/** The supervisor is two processes: its keeper and its HTTP part. */
const RSS_MAX_MIB: Readonly<Record<ServiceName, number>> = {
  intake: 500,
  scheduler: 500,
  supervisor: 700,
  notifier: 500,
};
/** Between the second quarter of the overload and its last: what grows for good shows by then. */
const GROWTH_MAX_MIB = 64;

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);

/** Whether what the services hold in memory has a bound. */
export const judgeMemory = (checks: Checks, { samples, overload }: Measured): void => {
  const { beganAtMs, endedAtMs } = overload;
  const within = samples.filter(({ atMs }) => atMs >= beganAtMs && atMs < endedAtMs);
  for (const name of SERVICES) {
    const rss = within.map(({ rssMib }) => rssMib[name]);
    const quarter = Math.ceil(rss.length / 4);
    const early = mean(rss.slice(quarter, 2 * quarter));
    const late = mean(rss.slice(-quarter));
    const peak = Math.max(...rss);
    checks.check(
      peak <= RSS_MAX_MIB[name] && late - early <= GROWTH_MAX_MIB && rss.length > 0,
      `memory of ${name}: most, and growth from the second quarter to the last, in MiB`,
      `${peak.toFixed(0)}, ${(late - early).toFixed(0)}`,
      `at most ${RSS_MAX_MIB[name]}, ${GROWTH_MAX_MIB}`,
    );
  }
};
