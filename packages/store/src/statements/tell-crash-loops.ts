import type { EndpointId, InstanceId } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';

/** What is kept of an error, in characters. */
export const CRASH_ERROR_MAX = 500;

export type CrashLoop = {
  readonly endpointId: EndpointId;
  /** How many workers are held back by it. */
  readonly workers: number;
  /** Why the last one ended, on one line. */
  readonly lastError: string;
};

/** Rows of supervisors that are forgotten go as well: nobody else would clear them. */
const STATEMENT = statement({
  name: 'tell_crash_loops',
  text: `with looping as materialized (
  select * from unnest($2::text[], $3::int[], $4::text[]) as l (endpoint_id, workers, last_error)
),
gone as (
  delete from crash_loops where (instance = $1
      and endpoint_id not in (select endpoint_id from looping))
    or (instance <> $1 and instance not in (select instance from supervisors))
)
insert into crash_loops as known (endpoint_id, instance, workers, last_error)
select endpoint_id, $1, workers, left(last_error, ${CRASH_ERROR_MAX}) from looping
on conflict (endpoint_id, instance) do update set workers = excluded.workers,
  last_error = excluded.last_error`,
});

/** Records which endpoints' workers fail again and again on this supervisor, and no others. */
export const tellCrashLoops = async (
  store: Store,
  instance: InstanceId,
  loops: readonly CrashLoop[],
): Promise<void> => {
  await store.run(STATEMENT, [
    instance,
    loops.map((loop) => loop.endpointId),
    loops.map((loop) => loop.workers),
    loops.map((loop) => loop.lastError),
  ]);
};
