import { tally, tellTally } from '../load/read-jobs.ts';
import type { Checks } from '../support/checks.ts';
import { type FailedTry, OPERATIONS, type PatientClient } from './patient-client.ts';
import type { Restart } from './restart-in-turn.ts';

/** A connection that its server closed may be told to its client a moment later, in ms. */
const HEARD_LATE_MS = 100;
const TOLD = 5;

/** Whether each operation of each client was answered in the end. */
export const judgeOperations = (
  checks: Checks,
  { done, failedTries }: PatientClient,
  restarts: readonly Restart[],
  faults: readonly string[],
): void => {
  for (const operation of OPERATIONS) {
    const own = done.filter((one) => one.operation === operation);
    const failed = own.filter(({ ok }) => !ok).length;
    const tries = failedTries.filter((one) => one.operation === operation).length;
    checks.check(
      failed === 0 && own.length > 0,
      `${operation}: failed after retries`,
      `${failed} of ${own.length}, ${tries} tries repeated`,
      0,
    );
  }
  checks.check(
    faults.length === 0,
    'clients that did not come to the end of their job',
    faults.length,
    0,
  );
  for (const fault of faults.slice(0, TOLD)) console.log(`       ${fault.slice(0, 500)}`);
  const slowest = Math.max(...done.map(({ tookMs }) => tookMs));
  console.log(
    `     tries that failed: ${tellTally(tally(failedTries.map(({ why }) => why)))}; the slowest ` +
      `operation took ${(slowest / 1_000).toFixed(1)} s with its retries`,
  );
  const unexpected = failedTries.filter((one) => !isExcused(one, restarts));
  checks.check(
    unexpected.length === 0,
    'tries that failed while intake was not being restarted',
    unexpected.length,
    0,
  );
  for (const { operation, why, fromMs } of unexpected.slice(0, TOLD)) {
    const last = restarts.findLast(({ askedAtMs }) => askedAtMs <= fromMs);
    const afterMs = fromMs - (last?.askedAtMs ?? 0);
    console.log(`       ${operation}: ${why}, ${afterMs} ms after the SIGTERM of ${last?.name}`);
  }
};

const isExcused = ({ fromMs, toMs }: FailedTry, restarts: readonly Restart[]): boolean =>
  restarts.some(
    ({ name, askedAtMs, readyAtMs }) =>
      name === 'intake' && toMs >= askedAtMs && fromMs <= readyAtMs + HEARD_LATE_MS,
  );
