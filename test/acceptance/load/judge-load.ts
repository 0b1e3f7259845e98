import { checkInvariants } from '../../support/invariants.ts';
import type { Checks } from '../support/checks.ts';
import type { Load } from './open-load.ts';
import type { JobReader } from './read-jobs.ts';

export type Statuses = Awaited<ReturnType<JobReader['statuses']>>;

/** Whether each job of `ids` is COMPLETED, ran once, and the database is sound. */
export const judgeJobs = async (
  checks: Checks,
  { reader, workers, databaseUrl }: Load,
  ids: readonly string[],
): Promise<Statuses> => {
  const statuses = await reader.statuses(ids);
  const completed = ids.filter((id) => statuses.get(id)?.body.status === 'COMPLETED').length;
  checks.check(
    completed === ids.length && completed > 0,
    'acknowledged jobs that are COMPLETED',
    completed,
    `all ${ids.length}`,
  );
  const starts = workers.flatMap((worker) => worker.starts());
  const started = new Set(starts);
  checks.check(
    starts.length === ids.length && ids.every((id) => started.has(id)),
    'starts in the journals of the workers',
    `${starts.length} of ${started.size} jobs`,
    `${ids.length}, each job once`,
  );
  const faulty = await checkInvariants(databaseUrl);
  checks.check(faulty.length === 0, 'invariants of the database broken', faulty.length, 0);
  for (const sentence of faulty) console.log(`       ${sentence.slice(0, 500)}`);
  return statuses;
};

/** Whether the three events of each job (accepted, started, completed) came to the consumer. */
export const judgeEvents = async (
  checks: Checks,
  { journal }: Load,
  ids: readonly string[],
  waitMs: number,
): Promise<void> => {
  await journal.untilEnded(ids, waitMs);
  const whole = ids.filter((id) => {
    const arrivals = journal.jobs.get(id);
    return [1, 2, 3].every((sequence) => arrivals?.has(sequence));
  });
  checks.check(
    whole.length === ids.length,
    'jobs whose three events came to a consumer',
    whole.length,
    `all ${ids.length}`,
  );
  const arrivals = ids.flatMap((id) => [...(journal.jobs.get(id)?.values() ?? [])]);
  const repeats = arrivals.reduce((sum, { times }) => sum + times - 1, 0);
  console.log(`     events that came again: ${repeats}`);
};
