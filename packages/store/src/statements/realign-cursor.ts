import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';

const HOLD = statement({
  name: 'hold_cursor',
  text: 'select from cursors where name = $1 and runner = $2 for update',
});

/**
 * Nobody sees a row of a transaction that has not begun: one that is numbered so comes from another
 * cluster. The look at the last event is by its index.
 */
const IS_FOREIGN = `greatest(
    (select txid from cursors where name = $1),
    (select txid from events order by events.txid desc, events.id desc limit 1)
  ) >= pg_snapshot_xmax(pg_current_snapshot())`;

/**
 * What was told of stays in front, what was not is as if it were written now. An event with a
 * number that this cluster has passed may be one of its own, written before this look, which has a
 * higher id than all that were restored; so one that was restored may be told of a second time.
 * EXISTS is asked once, before the log is read, whatever order the planner gives the join.
 */
const REALIGN = statement({
  name: 'realign_cursor',
  text: `with foreign_to as materialized (
  select txid, id, txid >= pg_snapshot_xmax(pg_current_snapshot()) as is_ahead
  from cursors where name = $1 and ${IS_FOREIGN}
),
sorted as materialized (
  select events.ctid as spot, events.id, case
    when foreign_to.is_ahead and events.txid < pg_snapshot_xmax(pg_current_snapshot())
      then events.id <= foreign_to.id
    else (events.txid, events.id) <= (foreign_to.txid, foreign_to.id)
  end as is_told
  from events cross join foreign_to where exists (select from foreign_to)
),
moved as (
  update events set txid = case when is_told then '0'::xid8 else pg_current_xact_id() end
  from sorted where events.ctid = sorted.spot
)
update cursors set txid = '0',
  id = coalesce((select max(sorted.id) from sorted where is_told), 0)
from foreign_to where cursors.name = $1
returning (select count(*)::int from sorted where not is_told) as waiting`,
});

/**
 * Numbers the event log anew where it comes from another cluster, as one that was restored from a
 * dump: transactions are numbered from the start there, so that its events, or those to come, would
 * lie before the cursor or beyond what may be read, and never be published. To be called by
 * `runner`, which holds the cursor of `name`; costs two looks where there is nothing to do.
 * @returns how many events are to be published yet, when it had to; else undefined.
 */
export const realignCursor = (
  store: Store,
  name: string,
  runner: string,
): Promise<number | undefined> =>
  store.inTransaction('plain', async (run) => {
    // In a statement before, so that what a rival has done meanwhile is seen.
    const held = await run(HOLD, [name, runner]);
    if (held.length === 0) return undefined;
    return (await run<{ waiting: number }>(REALIGN, [name]))[0]?.waiting;
  });
