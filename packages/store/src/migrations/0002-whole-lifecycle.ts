/**
 * Start times, escalation, retention, and crash loops that outlive a supervisor's memory.
 *
 * `delayed` holds jobs before their startAfter: one never ran, so it carries no claim. That it lies
 * within what `contracts` allows is judged by the database's clock, when intake asks for it.
 * `escalate_at` is when a queued low job counts as high, or an escalated one goes to the head;
 * only such rows are in its index. A job that is neither has none.
 */
export const wholeLifecycle = `
create table delayed (
  endpoint_id text collate "C" not null,
  job_id uuid not null,
  start_at timestamptz not null check (start_at > waiting_since),
  ttl_ms bigint not null check (ttl_ms >= 10000),
  rank smallint not null check (rank in (1, 3)),
  execution_timeout_ms bigint not null,
  waiting_since timestamptz not null,
  has_webhook boolean not null,
  has_secrets boolean not null,
  primary key (endpoint_id, start_at, job_id),
  unique (endpoint_id, job_id)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

alter table queue add column escalate_at timestamptz;
alter table leases add column escalate_at timestamptz;
update queue set escalate_at = least(
  queue.waiting_since + endpoints.escalate_after_ms * interval '1 ms',
  queue.deadline_at - jobs.ttl_ms / 4 * interval '1 ms')
from endpoints, jobs
where queue.rank >= 2 and endpoints.endpoint_id = queue.endpoint_id
  and jobs.endpoint_id = queue.endpoint_id and jobs.job_id = queue.job_id;
create index queue_escalation on queue (endpoint_id, escalate_at) where escalate_at is not null;

create index results_by_end on results (endpoint_id, finished_at);
create index idempotency_by_expiry on idempotency (endpoint_id, expires_at);

create table crash_loops (
  endpoint_id text collate "C" not null,
  instance text collate "C" not null,
  workers integer not null check (workers >= 0),
  last_error text not null check (length(last_error) <= 500),
  since timestamptz not null default statement_timestamp(),
  primary key (endpoint_id, instance)
);
`;
