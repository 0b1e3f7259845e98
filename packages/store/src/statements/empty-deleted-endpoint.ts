import type { EndpointId } from '@switchyard/contracts';
import { isTooSlow } from '../errors.ts';
import type { Store } from '../open-store.ts';
import { type Statement, statement } from '../statement.ts';

/** Rows that one statement deletes at most. */
export const EMPTY_MAX_ROWS = 5_000;
/** A table begins with so many: a row may hold megabytes, and how many do is not known before. */
const FIRST_ROWS = 100;
/** A portion that took less is followed by a larger one, and one that took longer by a smaller. */
const QUICK_MS = 100;
const SLOW_MS = 400;

/** Where a walk through a table stands: in the column by which one of its keys goes on. */
type Place = { readonly column: string; readonly type: string; readonly first: string };

const byId = (column: string): Place => ({
  ...{ column, type: 'uuid', first: '00000000-0000-0000-0000-000000000000' },
});
const byName = (column: string): Place => ({ column, type: 'text', first: '' });

/**
 * All that an endpoint holds, without what `deleteEndpoint` found empty. Nothing can come any more
 * into what a walk has been through: a delivery may still begin a try while it is there, and a
 * reader of a stream may keep its place while there is the job, so these go before.
 */
const GROWN: Readonly<Record<string, Place>> = {
  job_secrets: byId('job_id'),
  stream_chunks: byId('job_id'),
  deliveries: byId('delivery_id'),
  delivery_tries: byId('delivery_id'),
  events: byId('job_id'),
  results: byId('job_id'),
  idempotency: { column: 'expires_at', type: 'timestamptz', first: '-infinity' },
  jobs: byId('job_id'),
  stream_cursors: byId('job_id'),
};

/**
 * Rows of processes that may not have heard of the deletion, or are about to be added up: these
 * come late. They are few, so that a look at all of them is cheap.
 */
const TOLD: Readonly<Record<string, Place>> = {
  counts: byName('process'),
  workers: byName('worker_id'),
  crash_loops: byName('instance'),
};

/**
 * The rows are those of a snapshot in which the endpoint is deleted. Whoever makes it anew later
 * writes rows that this snapshot has not, so that a late portion touches none of them. It begins
 * where the last one ended: the rows before are dead, and walking over them would cost more with
 * each portion. A row that somebody has locked is waited for, so that none is left behind; one
 * that was changed is not in the snapshot, and counts as seen but not as deleted.
 */
const emptying = (table: string, { column, type }: Place): Statement =>
  statement({
    name: `empty_${table}`,
    text: `with there as materialized (
  select ctid as spot, ${column} as place from ${table}
  where endpoint_id = $1 and ${column} >= $2::${type}
    and exists (select from deleted_endpoints where deleted_endpoints.endpoint_id = $1)
    and not exists (select from endpoints where endpoints.endpoint_id = $1)
  order by ${column} limit $3 for update of ${table}
),
gone as (
  delete from ${table} where ctid = any (array(select spot from there)) returning 1 as one
)
select count(*)::int as seen, (select count(*)::int from gone) as rows,
  (array_agg(place))[count(*)]::text as place
from there`,
  });

const TABLES = Object.entries({ ...GROWN, ...TOLD }).map(([table, place]) => ({
  ...{ first: place.first, statement: emptying(table, place) },
}));

const READ = statement({
  name: 'read_deletion',
  text: 'select deleted_at::text as at from deleted_endpoints where endpoint_id = $1',
});

/** One snapshot of what may come late, as a fold carries rows of counts from one to another. */
const FORGET = statement({
  name: 'forget_deletion',
  text: `delete from deleted_endpoints where endpoint_id = $1 and deleted_at = $2::timestamptz
${Object.keys(TOLD)
  .map((table) => `  and not exists (select from ${table} where ${table}.endpoint_id = $1)`)
  .join('\n')}
returning 1 as gone`,
});

/**
 * Deletes what a deleted endpoint held, one walk through all tables, in portions of at most
 * EMPTY_MAX_ROWS that are a transaction each. Any number of processes may do it at once, each may
 * stop after any portion, and an endpoint that was made anew is not touched.
 * @yields the number of rows of each portion.
 * @returns whether this walk freed the id. If not, a row came late, or another process was first:
 * where the endpoint is still to be emptied, begin anew.
 * @throws StoreUnavailable; begin anew as well.
 */
export async function* emptyDeletedEndpoint(
  store: Store,
  id: EndpointId,
): AsyncGenerator<number, boolean> {
  const [deletion] = await store.runPinned<{ at: string }>(READ, [id]);
  if (deletion === undefined) return false;
  for (const table of TABLES) yield* emptyTable(store, id, table);
  // Of this deletion alone: one of an endpoint made anew has tables that this walk did not see.
  return (await store.runPinned(FORGET, [id, deletion.at])).length > 0;
}

async function* emptyTable(
  store: Store,
  id: EndpointId,
  table: (typeof TABLES)[number],
): AsyncGenerator<number, void> {
  let { first: place } = table;
  let limit = FIRST_ROWS;
  for (let more = true; more; ) {
    const begunMs = performance.now();
    const portion = await deletePortion(store, table.statement, [id, place, limit]);
    const isWhole = portion.rows === portion.seen;
    more = portion.seen === limit || !isWhole || portion.isTooSlow;
    if (isWhole) place = portion.place ?? place;
    limit = limitAfter(limit, portion.isTooSlow ? Infinity : performance.now() - begunMs);
    yield portion.rows;
  }
}

type Portion = {
  readonly seen: number;
  readonly rows: number;
  readonly place: string | null;
  readonly isTooSlow: boolean;
};

const NOTHING: Portion = { seen: 0, rows: 0, place: null, isTooSlow: false };

const deletePortion = async (
  store: Store,
  by: Statement,
  values: readonly [EndpointId, string, number],
): Promise<Portion> => {
  try {
    const [portion] = await store.runPinned<Omit<Portion, 'isTooSlow'>>(by, values);
    return { ...NOTHING, ...portion };
  } catch (error) {
    const [, , limit] = values;
    if (!isTooSlow(error) || limit === 1) throw error;
    return { ...NOTHING, isTooSlow: true };
  }
};

const limitAfter = (limit: number, tookMs: number): number => {
  if (tookMs > SLOW_MS) return Math.ceil(limit / 4);
  return tookMs < QUICK_MS ? Math.min(EMPTY_MAX_ROWS, limit * 2) : limit;
};
