import type { EndpointId } from '@switchyard/contracts';
import { sql, type Transaction } from 'kysely';
import { isContended, StoreUnavailable } from '../errors.ts';
import type { Store } from '../open-store.ts';
import type { Database } from '../schema.ts';

/** Where a job is that has not ended. */
const UNDER_WAY = ['queue', 'delayed', 'leases'] as const;
/** What is left of jobs that ended, emptied while accepts and claims go on. */
const HISTORY = [
  'job_secrets',
  'stream_chunks',
  'stream_cursors',
  'delivery_tries',
  'deliveries',
  'events',
  'results',
  'jobs',
] as const;
/** What an accept may wait for, emptied once none can come. */
const REST = ['idempotency', 'counts', 'workers', 'crash_loops', 'endpoints'] as const;

/** Rolls back what was emptied. */
class EndpointBusy extends Error {}

/**
 * Deletes an endpoint and all that it holds, unless jobs of it are queued, delayed or running.
 * @returns 'busy' when there are, 'missing' when there is no such endpoint.
 * @throws StoreUnavailable when the queue could not be had within 2 s, as others are at it.
 */
export const deleteEndpoint = (
  store: Store,
  id: EndpointId,
): Promise<'deleted' | 'busy' | 'missing'> =>
  store.query('delete_endpoint', async (db) => {
    try {
      return await db.transaction().execute((tx) => empty(tx, id));
    } catch (error) {
      if (error instanceof EndpointBusy) return 'busy';
      throw error;
    }
  });

const empty = async (tx: Transaction<Database>, id: EndpointId): Promise<'deleted' | 'missing'> => {
  // Before the queue, as a claim of an endpoint with a limit takes them in that order.
  const there = await tx
    .selectFrom('endpoints')
    .select('endpoint_id')
    .where('endpoint_id', '=', id)
    .forUpdate()
    .executeTakeFirst();
  if (there === undefined) return 'missing';
  if (await hasAny(tx, id, UNDER_WAY)) throw new EndpointBusy();
  for (const table of HISTORY) await tx.deleteFrom(table).where('endpoint_id', '=', id).execute();
  // Last, since it holds up the accepts and claims of every endpoint.
  await holdQueue(tx);
  // Of a job that came meanwhile part may be gone; where it has ended since, `jobs` has it.
  if (await hasAny(tx, id, [...UNDER_WAY, 'jobs'])) throw new EndpointBusy();
  for (const table of REST) await tx.deleteFrom(table).where('endpoint_id', '=', id).execute();
  return 'deleted';
};

const hasAny = async (
  tx: Transaction<Database>,
  id: EndpointId,
  tables: readonly ((typeof UNDER_WAY)[number] | 'jobs')[],
): Promise<boolean> => {
  for (const table of tables) {
    const one = tx.selectFrom(table).select('job_id').where('endpoint_id', '=', id).limit(1);
    if ((await one.execute()).length > 0) return true;
  }
  return false;
};

/**
 * Waits for the statements that write to the queue, and holds up those that come until the
 * transaction ends: these see what it did, as a statement takes its tables before its snapshot.
 * So an accept either is seen here, or finds no endpoint. It costs accepts no lock of their own.
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
