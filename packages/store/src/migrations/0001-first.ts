/**
 * The first schema. Text keys collate "C": they are compared, never sorted for people. Every table
 * that a job passes through leads with endpoint_id, so that it can be distributed by endpoint.
 * There are no foreign keys between the tables of a job: each check would lock and read a row of
 * `jobs` on every change; the statements write and delete together what belongs together.
 */
export const first = `
create table endpoints (
  endpoint_id text collate "C" primary key check (endpoint_id ~ '^[a-z0-9-]{1,64}$'),
  name text not null,
  worker jsonb,
  scaling jsonb not null,
  execution_timeout_ms bigint not null check (execution_timeout_ms > 5000),
  ttl_ms bigint not null check (ttl_ms >= 10000),
  max_queued bigint check (max_queued > 0),
  max_concurrent integer check (max_concurrent > 0),
  max_attempts smallint not null check (max_attempts > 0),
  escalate_after_ms bigint not null,
  retention_ms bigint not null,
  paused boolean not null default false,
  webhook_secrets bytea[] not null default '{}' check (cardinality(webhook_secrets) <= 2),
  created_at timestamptz not null default statement_timestamp(),
  updated_at timestamptz not null default statement_timestamp()
);

create table api_keys (
  key_id text collate "C" primary key,
  hash bytea not null check (length(hash) = 32),
  name text not null,
  scopes text[] not null check (scopes <@ array['submit', 'read', 'admin', 'worker']),
  endpoints text[],
  created_at timestamptz not null default statement_timestamp(),
  expires_at timestamptz,
  revoked_at timestamptz
);

create table audit (
  audit_id bigint generated always as identity primary key,
  occurred_at timestamptz not null default statement_timestamp(),
  key_id text not null,
  action text not null,
  target text not null
);

create table jobs (
  endpoint_id text collate "C" not null,
  job_id uuid not null,
  input bytea not null,
  webhook text,
  execution_timeout_ms bigint not null check (execution_timeout_ms > 5000),
  ttl_ms bigint not null check (ttl_ms >= 10000),
  low_priority boolean not null,
  created_at timestamptz not null,
  primary key (endpoint_id, job_id)
);

create table job_secrets (
  endpoint_id text collate "C" not null,
  job_id uuid not null,
  s3_config_enc bytea not null,
  primary key (endpoint_id, job_id)
);

create table queue (
  endpoint_id text collate "C" not null,
  rank smallint not null check (rank between 0 and 3),
  deadline_at timestamptz not null,
  seq bigint generated always as identity,
  job_id uuid not null,
  claim_no integer not null check (claim_no >= 0),
  attempts smallint not null check (attempts >= 0),
  event_seq integer not null check (event_seq > 0),
  execution_timeout_ms bigint not null,
  waiting_since timestamptz not null,
  escalated_at timestamptz,
  has_webhook boolean not null,
  has_secrets boolean not null,
  primary key (endpoint_id, rank, deadline_at, seq),
  unique (endpoint_id, job_id)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000);

create table leases (
  endpoint_id text collate "C" not null,
  job_id uuid not null,
  worker_id text collate "C" not null,
  instance text collate "C" not null,
  claim_no integer not null check (claim_no > 0),
  attempts smallint not null check (attempts >= 0),
  rank smallint not null check (rank between 0 and 3),
  event_seq integer not null check (event_seq > 1),
  execution_timeout_ms bigint not null,
  ttl_left_ms bigint not null check (ttl_left_ms >= 0),
  waiting_since timestamptz not null,
  started_at timestamptz not null,
  overdue_at timestamptz not null check (overdue_at > started_at),
  escalated_at timestamptz,
  has_webhook boolean not null,
  has_secrets boolean not null,
  primary key (endpoint_id, job_id)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

create table results (
  endpoint_id text collate "C" not null,
  job_id uuid not null,
  status text not null check (status in ('COMPLETED', 'FAILED', 'CANCELLED', 'TIMED_OUT')),
  output bytea,
  error bytea,
  worker_id text,
  delay_ms bigint check (delay_ms >= 0),
  execution_ms bigint check (execution_ms >= 0),
  claim_no integer not null,
  attempts smallint not null,
  rank smallint not null,
  event_seq integer not null,
  escalated_at timestamptz,
  finished_at timestamptz not null,
  primary key (endpoint_id, job_id)
);

create table stream_chunks (
  endpoint_id text collate "C" not null,
  job_id uuid not null,
  claim_no integer not null,
  seq integer not null check (seq >= 0),
  output bytea not null,
  primary key (endpoint_id, job_id, claim_no, seq)
);

create table stream_cursors (
  endpoint_id text collate "C" not null,
  job_id uuid not null,
  claim_no integer not null,
  next_seq integer not null,
  primary key (endpoint_id, job_id)
) with (fillfactor = 50);

create table events (
  id bigint generated always as identity,
  txid xid8 not null default pg_current_xact_id(),
  endpoint_id text collate "C" not null,
  job_id uuid not null,
  seq integer not null check (seq > 0),
  event text not null,
  worker_id text,
  claim_no integer,
  reason text,
  occurred_at timestamptz not null default statement_timestamp(),
  primary key (endpoint_id, job_id, seq)
);
create index events_in_commit_order on events (txid, id);

create table cursors (
  name text primary key,
  txid xid8 not null,
  id bigint not null,
  runner text,
  runner_until timestamptz
);
insert into cursors (name, txid, id) values ('relay', '0', 0);

create table deliveries (
  endpoint_id text collate "C" not null,
  delivery_id uuid not null default gen_random_uuid(),
  job_id uuid not null,
  event_seq integer not null,
  url text not null,
  due_at timestamptz not null,
  tries smallint not null default 0 check (tries between 0 and 3),
  unknowns smallint not null default 0 check (unknowns between 0 and 3),
  trying integer not null default 0,
  outcome text check (outcome in ('delivered', 'failed')),
  closed_at timestamptz,
  status text,
  output bytea,
  error bytea,
  worker_id text,
  delay_ms bigint,
  execution_ms bigint,
  created_at timestamptz not null default statement_timestamp(),
  primary key (endpoint_id, delivery_id),
  unique (endpoint_id, job_id, event_seq)
);
create index deliveries_due on deliveries (endpoint_id, due_at) where closed_at is null;

create table delivery_tries (
  endpoint_id text collate "C" not null,
  delivery_id uuid not null,
  n integer not null,
  started_at timestamptz not null default statement_timestamp(),
  duration_ms integer,
  outcome text not null check (outcome in ('started', 'delivered', 'failed', 'unknown')),
  response_status integer,
  response_excerpt bytea check (length(response_excerpt) <= 1024),
  error text,
  primary key (endpoint_id, delivery_id, n)
);

create table idempotency (
  endpoint_id text collate "C" not null,
  source text not null check (source in ('http', 'broker')),
  key text collate "C" not null check (length(key) between 1 and 255),
  body_hash bytea not null check (length(body_hash) = 32),
  job_id uuid not null,
  expires_at timestamptz not null,
  primary key (endpoint_id, source, key)
);

create table counts (
  endpoint_id text collate "C" not null,
  process text collate "C" not null,
  queued bigint not null default 0,
  running bigint not null default 0,
  completed bigint not null default 0,
  failed bigint not null default 0,
  retried bigint not null default 0,
  touched_at timestamptz not null default statement_timestamp(),
  primary key (endpoint_id, process)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

create table workers (
  endpoint_id text collate "C" not null,
  worker_id text collate "C" not null,
  instance text collate "C" not null,
  state text not null check (state in ('starting', 'live', 'draining', 'unhealthy')),
  reason text,
  slots integer not null default 1 check (slots >= 0),
  first_seen_at timestamptz not null default statement_timestamp(),
  seen_at timestamptz not null default statement_timestamp(),
  inventory uuid[] not null default '{}',
  inventory_at timestamptz,
  former_inventory uuid[] not null default '{}',
  former_inventory_at timestamptz,
  primary key (endpoint_id, worker_id)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

create table supervisors (
  instance text collate "C" primary key,
  host text not null,
  pid integer not null,
  beating_since timestamptz not null default statement_timestamp(),
  last_beat_at timestamptz not null default statement_timestamp()
) with (fillfactor = 50);
`;
