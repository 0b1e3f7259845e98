import type { InstanceId } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';

/** A beat that is older than this has stopped, in ms; one a second is expected. */
export const BEAT_STALE_MS = 5_000;

const STATEMENT = statement({
  name: 'beat_supervisor',
  text: `with gone as (
  delete from supervisors
  where instance <> $1 and last_beat_at < statement_timestamp() - interval '1 hour'
)
insert into supervisors as known (instance, host, pid) values ($1, $2, $3)
on conflict (instance) do update set last_beat_at = statement_timestamp(),
  beating_since = case
    when known.last_beat_at < statement_timestamp() - ${BEAT_STALE_MS} * interval '1 ms'
    then statement_timestamp() else known.beating_since end`,
});

/** Says that a supervisor lives. A pause of over BEAT_STALE_MS begins its unbroken run anew. */
export const beatSupervisor = async (
  store: Store,
  instance: InstanceId,
  host: string,
  pid: number,
): Promise<void> => {
  await store.run(STATEMENT, [instance, host, pid]);
};
