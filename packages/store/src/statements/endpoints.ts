import {
  EndpointSchema,
  type Endpoint,
  type EndpointId,
  type ResolvedSettings,
  validator,
} from '@switchyard/contracts';
import { type Selectable, sql } from 'kysely';
import type { Store } from '../open-store.ts';
import type { Database } from '../schema.ts';

const check = validator(EndpointSchema);

const endpointIn = (row: Selectable<Database['endpoints']>): Endpoint => {
  const found = check({
    id: row.endpoint_id,
    name: row.name,
    worker: row.worker,
    scaling: row.scaling,
    defaults: { executionTimeoutMs: row.execution_timeout_ms, ttlMs: row.ttl_ms },
    limits: {
      maxQueued: row.max_queued,
      maxConcurrent: row.max_concurrent,
      maxAttempts: row.max_attempts,
    },
    escalateAfterMs: row.escalate_after_ms,
    retentionMs: row.retention_ms,
    paused: row.paused,
  });
  if (!found.ok)
    throw new TypeError(`endpoint ${row.endpoint_id} in the database: ${found.detail}`);
  return found.value;
};

const columnsOf = (settings: ResolvedSettings) => ({
  name: settings.name,
  worker: settings.worker === null ? null : JSON.stringify(settings.worker),
  scaling: JSON.stringify(settings.scaling),
  execution_timeout_ms: settings.defaults.executionTimeoutMs,
  ttl_ms: settings.defaults.ttlMs,
  max_queued: settings.limits.maxQueued,
  max_concurrent: settings.limits.maxConcurrent,
  max_attempts: settings.limits.maxAttempts,
  escalate_after_ms: settings.escalateAfterMs,
  retention_ms: settings.retentionMs,
});

/** Every endpoint, by id. */
export const listEndpoints = (store: Store): Promise<Endpoint[]> =>
  store.query(async (db) =>
    (await db.selectFrom('endpoints').selectAll().orderBy('endpoint_id').execute()).map(endpointIn),
  );

export const readEndpoint = (store: Store, id: EndpointId): Promise<Endpoint | undefined> =>
  store.query(async (db) => {
    const row = await db
      .selectFrom('endpoints')
      .selectAll()
      .where('endpoint_id', '=', id)
      .executeTakeFirst();
    return row && endpointIn(row);
  });

/** Makes an endpoint. @returns undefined when there is one of this id. */
export const createEndpoint = (
  store: Store,
  id: EndpointId,
  settings: ResolvedSettings,
): Promise<Endpoint | undefined> =>
  store.query(async (db) => {
    const row = await db
      .insertInto('endpoints')
      .values({ endpoint_id: id, ...columnsOf(settings) })
      .onConflict((conflict) => conflict.doNothing())
      .returningAll()
      .executeTakeFirst();
    return row && endpointIn(row);
  });

/**
 * Changes settings as one read and write under the row's lock, so that two changes at once both
 * hold. @returns undefined when there is no such endpoint.
 */
export const updateEndpoint = (
  store: Store,
  id: EndpointId,
  change: (current: Endpoint) => ResolvedSettings,
): Promise<Endpoint | undefined> =>
  store.query((db) =>
    db.transaction().execute(async (tx) => {
      const row = await tx
        .selectFrom('endpoints')
        .selectAll()
        .where('endpoint_id', '=', id)
        .forUpdate()
        .executeTakeFirst();
      if (row === undefined) return undefined;
      const changed = await tx
        .updateTable('endpoints')
        .set({
          ...columnsOf(change(endpointIn(row))),
          updated_at: sql<Date>`statement_timestamp()`,
        })
        .where('endpoint_id', '=', id)
        .returningAll()
        .executeTakeFirstOrThrow();
      return endpointIn(changed);
    }),
  );

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
  'jobs',
] as const;

/**
 * Deletes an endpoint and all that it holds, unless jobs of it are queued or running.
 * @returns 'busy' when there are, 'missing' when there is no such endpoint.
 */
export const deleteEndpoint = (
  store: Store,
  id: EndpointId,
): Promise<'deleted' | 'busy' | 'missing'> =>
  store.query((db) =>
    db.transaction().execute(async (tx) => {
      const gone = await tx
        .deleteFrom('endpoints')
        .where('endpoint_id', '=', id)
        .where(({ not, exists, selectFrom }) =>
          not(exists(selectFrom('queue').select('job_id').where('endpoint_id', '=', id))),
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

/** Puts a sealed webhook secret before the last one, which goes on signing. */
export const addWebhookSecret = (store: Store, id: EndpointId, sealed: Buffer): Promise<boolean> =>
  store.query(async (db) => {
    const row = await db
      .updateTable('endpoints')
      .set({ webhook_secrets: sql<Buffer[]>`(${sealed}::bytea || webhook_secrets)[1:2]` })
      .where('endpoint_id', '=', id)
      .returning('endpoint_id')
      .executeTakeFirst();
    return row !== undefined;
  });
