import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';

const STATEMENT = statement({
  name: 'fold_counts',
  text: `with idle as (
  delete from counts where process <> 'folded'
    and touched_at < statement_timestamp() - interval '10 minutes'
  returning *
)
insert into counts as kept (endpoint_id, process, queued, running, completed, failed, retried)
select endpoint_id, 'folded', sum(queued), sum(running), sum(completed), sum(failed), sum(retried)
from idle group by endpoint_id
on conflict (endpoint_id, process) do update set queued = kept.queued + excluded.queued,
  running = kept.running + excluded.running, completed = kept.completed + excluded.completed,
  failed = kept.failed + excluded.failed, retried = kept.retried + excluded.retried,
  touched_at = statement_timestamp()`,
});

/** Adds up the rows of counts that no process has touched for ten minutes: one that comes back
 * begins a new row, so nothing is lost. */
export const foldCounts = async (store: Store): Promise<void> => {
  await store.run(STATEMENT, []);
};
