import type { EndpointId } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';

/** The tables that hold rows of an endpoint, in the order in which they are emptied. */
const OWNED = [
  'job_secrets',
  'stream_chunks',
  'stream_cursors',
  'delivery_tries',
  'deliveries',
  'events',
  'results',
  'idempotency',
  'counts',
  'workers',
  'crash_loops',
  'jobs',
] as const;

/**
 * Deletes an endpoint and all that it holds, unless jobs of it are queued, delayed or running.
 * @returns 'busy' when there are, 'missing' when there is no such endpoint.
 */
export const deleteEndpoint = (
  store: Store,
  id: EndpointId,
): Promise<'deleted' | 'busy' | 'missing'> =>
  store.query('delete_endpoint', (db) =>
    db.transaction().execute(async (tx) => {
      const gone = await tx
        .deleteFrom('endpoints')
        .where('endpoint_id', '=', id)
        .where(({ not, exists, selectFrom }) =>
          not(exists(selectFrom('queue').select('job_id').where('endpoint_id', '=', id))),
        )
        .where(({ not, exists, selectFrom }) =>
          not(exists(selectFrom('delayed').select('job_id').where('endpoint_id', '=', id))),
        )
        .where(({ not, exists, selectFrom }) =>
          not(exists(selectFrom('leases').select('job_id').where('endpoint_id', '=', id))),
        )
        .returning('endpoint_id')
        .executeTakeFirst();
      if (gone === undefined) {
        const there = await tx
          .selectFrom('endpoints')
          .select('endpoint_id')
          .where('endpoint_id', '=', id)
          .executeTakeFirst();
        return there === undefined ? 'missing' : 'busy';
      }
      for (const table of OWNED) {
        await tx.deleteFrom(table).where('endpoint_id', '=', id).execute();
      }
      return 'deleted';
    }),
  );
