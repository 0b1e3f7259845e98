import type { EndpointId } from '@switchyard/contracts';
import { sql, type Transaction } from 'kysely';
import { isContended, StoreUnavailable } from '../errors.ts';
import type { Store } from '../open-store.ts';
import type { Database } from '../schema.ts';

/** Where a job is that has not ended. */
const UNDER_WAY = ['queue', 'delayed', 'leases'] as const;

/**
 * Deletes an endpoint, unless jobs of it are queued, delayed or running. It is gone for everybody
 * at once; what it holds is left for `emptyDeletedEndpoint`, and until that is done no endpoint of
 * this id can be made.
 * @returns 'busy' when there are such jobs, 'missing' when there is no such endpoint.
 * @throws StoreUnavailable when the queue could not be had within 2 s, as others are at it.
 */
export const deleteEndpoint = (
  store: Store,
  id: EndpointId,
): Promise<'deleted' | 'busy' | 'missing'> =>
  store.query('delete_endpoint', (db) => db.transaction().execute((tx) => takeAway(tx, id)));

const takeAway = async (
  tx: Transaction<Database>,
  id: EndpointId,
): Promise<'deleted' | 'busy' | 'missing'> => {
  // Before the queue, as a claim of an endpoint with a limit takes them in that order.
  const there = await tx
    .selectFrom('endpoints')
    .select('endpoint_id')
    .where('endpoint_id', '=', id)
    .forUpdate()
    .executeTakeFirst();
  if (there === undefined) return 'missing';
  // Looked at before the queue is held, so that a busy endpoint costs the others nothing.
  if (await hasJobsUnderWay(tx, id)) return 'busy';
  await holdQueue(tx);
  if (await hasJobsUnderWay(tx, id)) return 'busy';
  await tx
    .insertInto('deleted_endpoints')
    .values({ endpoint_id: id })
    // A process of an older version may have made the endpoint while its former one was emptied.
    .onConflict((conflict) =>
      conflict.column('endpoint_id').doUpdateSet({ deleted_at: sql`statement_timestamp()` }),
    )
    .execute();
  await tx.deleteFrom('endpoints').where('endpoint_id', '=', id).execute();
  return 'deleted';
};

const hasJobsUnderWay = async (tx: Transaction<Database>, id: EndpointId): Promise<boolean> => {
  for (const table of UNDER_WAY) {
    const one = tx.selectFrom(table).select('job_id').where('endpoint_id', '=', id).limit(1);
    if ((await one.execute()).length > 0) return true;
  }
  return false;
};

/**
 * Waits for the statements that write to the queue, and holds up those that come until the
 * transaction ends: these see what it did, as a statement takes its tables before its snapshot.
 * So an accept or a retry either is seen here, or finds no endpoint. It costs them no lock of
 * their own.
 */
const holdQueue = async (tx: Transaction<Database>): Promise<void> => {
  await sql`set local lock_timeout = '2s'`.execute(tx);
  try {
    await sql`lock table queue in share row exclusive mode`.execute(tx);
  } catch (error) {
    // Tried again by itself, it would hold up every endpoint for as long again.
    throw isContended(error) ? new StoreUnavailable(error) : error;
  }
};
