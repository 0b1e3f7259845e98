import {
  type EndpointId,
  type JobId,
  jobIdOf,
  type RequeueReason,
  uuidOf,
} from '@switchyard/contracts';
import { describeLoss, spendsAttempt } from '@switchyard/lifecycle';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import { endedFromLeases, jsonBytes, terminalCtes } from './terminal.ts';

export type LostClaim = { readonly jobId: JobId; readonly claimNo: number };

export type Requeued = {
  readonly requeued: readonly JobId[];
  /** Jobs whose attempts were spent: FAILED now. */
  readonly failed: readonly JobId[];
};

const ERROR = `format('The job failed after %s of %s attempts: %s.', used, max_attempts, $6::text)`;

const STATEMENT = statement({
  name: 'requeue_jobs',
  text: `with lost as (
  delete from leases where ctid = any (array(
    select lease.spot from unnest($3::uuid[], $4::int[]) as claim (job_id, claim_no)
    cross join lateral (
      select ctid as spot from leases where leases.endpoint_id = $1
        and leases.job_id = claim.job_id and leases.claim_no = claim.claim_no
      limit 1 for update
    ) as lease
  ))
  returning *
),
judged as materialized (
  select lost.*, endpoints.max_attempts,
    lost.attempts + case when $5::boolean then 1 else 0 end as used,
    $5::boolean and lost.attempts + 1 >= endpoints.max_attempts as hopeless
  from lost join endpoints on endpoints.endpoint_id = $1
),
requeued as (
  insert into queue (endpoint_id, rank, deadline_at, job_id, claim_no, attempts, event_seq,
    execution_timeout_ms, waiting_since, escalate_at, escalated_at, has_webhook, has_secrets)
  select $1, case when not $5::boolean then rank when rank <= 1 then 0 else 2 end,
    statement_timestamp() + ttl_left_ms * interval '1 ms', job_id, claim_no, used, event_seq + 1,
    execution_timeout_ms, waiting_since, escalate_at + (statement_timestamp() - started_at),
    escalated_at, has_webhook, has_secrets
  from judged where not hopeless
  returning job_id, event_seq
),
told as (
  insert into events (endpoint_id, job_id, seq, event, worker_id, claim_no, reason)
  select $1, requeued.job_id, requeued.event_seq, 'requeued', judged.worker_id, judged.claim_no,
    $7::text
  from requeued join judged on judged.job_id = requeued.job_id
),
ended as materialized (
  select ${endedFromLeases('FAILED', jsonBytes(ERROR), '$7', 'used')} from judged where hopeless
),
${terminalCtes('$2', {
  queued: '-(select count(*) from requeued)',
  running: '(select count(*) from judged)',
})}
select job_id, hopeless from judged`,
});

/**
 * Takes claims back from workers that will not finish them. A spent one goes ahead of its own
 * priority, or fails at the endpoint's maxAttempts; an unspent one keeps its rank. What was left of
 * the TTL, and until its escalation, at the claim is given back: time spent running is not time
 * spent waiting.
 * @returns what became of the claims that were still live.
 */
export const requeueJobs = async (
  store: Store,
  endpointId: EndpointId,
  process: string,
  reason: RequeueReason,
  claims: readonly LostClaim[],
): Promise<Requeued> => {
  const rows = await store.runPinned<{ job_id: string; hopeless: boolean }>(STATEMENT, [
    endpointId,
    process,
    claims.map((claim) => uuidOf(claim.jobId)),
    claims.map((claim) => claim.claimNo),
    spendsAttempt(reason),
    describeLoss(reason),
    reason,
  ]);
  const ids = (hopeless: boolean) =>
    rows.filter((row) => row.hopeless === hopeless).map((row) => jobIdOf(row.job_id));
  return { requeued: ids(false), failed: ids(true) };
};
