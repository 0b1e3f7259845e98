import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';

const STATEMENT = statement({
  name: 'estimate_jobs',
  text: `select greatest(reltuples, 0)::bigint as jobs from pg_class
  where oid = to_regclass('jobs')`,
});

/** About how many jobs there are, as the last autovacuum counted them. */
export const estimateJobs = async (store: Store): Promise<number> =>
  (await store.run<{ jobs: number }>(STATEMENT, []))[0]?.jobs ?? 0;
