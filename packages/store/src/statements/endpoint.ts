import {
  type Endpoint,
  EndpointSchema,
  type ResolvedSettings,
  validator,
} from '@switchyard/contracts';
import type { Selectable } from 'kysely';
import type { Database } from '../schema.ts';

const check = validator(EndpointSchema);

/** An endpoint as everybody knows it, from its row. */
export const endpointIn = (row: Selectable<Database['endpoints']>): Endpoint => {
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

/** The columns that an endpoint's settings are kept in. */
export const columnsOf = (settings: ResolvedSettings) => ({
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
