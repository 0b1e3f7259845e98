import type { Scope, TerminalState } from '@switchyard/contracts';
import type { Generated } from 'kysely';

/** The tables as kysely knows them: those that are read or written off the hot path. */
export interface Database {
  endpoints: EndpointsTable;
  deleted_endpoints: { endpoint_id: string; deleted_at: Generated<Date> };
  api_keys: ApiKeysTable;
  audit: { audit_id: Generated<number>; key_id: string; action: string; target: string };
  jobs: { endpoint_id: string; job_id: string; low_priority: boolean; created_at: Date };
  queue: { endpoint_id: string; job_id: string; rank: number };
  delayed: { endpoint_id: string; job_id: string };
  leases: {
    endpoint_id: string;
    job_id: string;
    worker_id: string;
    rank: number;
    waiting_since: Date;
    started_at: Date;
  };
  results: ResultsTable;
  job_secrets: { endpoint_id: string; job_id: string };
  stream_chunks: { endpoint_id: string; job_id: string };
  stream_cursors: { endpoint_id: string; job_id: string };
  events: { endpoint_id: string; job_id: string };
  deliveries: { endpoint_id: string; delivery_id: string; job_id: string };
  delivery_tries: { endpoint_id: string; delivery_id: string };
  idempotency: { endpoint_id: string };
  counts: { endpoint_id: string };
  workers: { endpoint_id: string; worker_id: string };
  crash_loops: { endpoint_id: string };
}

interface EndpointsTable {
  endpoint_id: string;
  name: string;
  worker: string | null;
  scaling: string;
  execution_timeout_ms: number;
  ttl_ms: number;
  max_queued: number | null;
  max_concurrent: number | null;
  max_attempts: number;
  escalate_after_ms: number;
  retention_ms: number;
  paused: Generated<boolean>;
  webhook_secrets: Generated<Buffer[]>;
  created_at: Generated<Date>;
  updated_at: Generated<Date>;
}

interface ApiKeysTable {
  key_id: string;
  hash: Buffer;
  name: string;
  scopes: Scope[];
  endpoints: string[] | null;
  created_at: Generated<Date>;
  expires_at: Date | null;
  revoked_at: Date | null;
}

interface ResultsTable {
  endpoint_id: string;
  job_id: string;
  status: TerminalState;
  worker_id: string | null;
  delay_ms: number | null;
  execution_ms: number | null;
  rank: number;
}
