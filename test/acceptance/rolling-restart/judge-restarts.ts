import { SERVICES } from '../../support/start-switchyard.ts';
import { tally, tellTally } from '../load/read-jobs.ts';
import type { Checks } from '../support/checks.ts';
import type { Restart } from './restart-in-turn.ts';

/** What a service is given to finish what it has begun. */
const DRAIN_MAX_MS = 30_000;

/** Whether each service ended by itself, in time, each time that it was asked. */
export const judgeRestarts = (
  checks: Checks,
  restarts: readonly Restart[],
  rounds: number,
): void => {
  const codes = tellTally(tally(restarts.map(({ ended }) => ended)));
  checks.check(
    restarts.every(({ ended }) => ended === '0') && restarts.length === rounds * SERVICES.length,
    'exit codes after SIGTERM',
    codes,
    `0 of all ${rounds * SERVICES.length}`,
  );
  const slowest = restarts.toSorted((a, b) => drainMs(b) - drainMs(a))[0];
  checks.check(
    slowest !== undefined && drainMs(slowest) <= DRAIN_MAX_MS,
    'slowest from SIGTERM to the exit, in s',
    slowest === undefined ? 'none' : `${(drainMs(slowest) / 1_000).toFixed(2)}, ${slowest.name}`,
    `at most ${DRAIN_MAX_MS / 1_000}`,
  );
};

const drainMs = ({ askedAtMs, exitedAtMs }: Restart): number => exitedAtMs - askedAtMs;
