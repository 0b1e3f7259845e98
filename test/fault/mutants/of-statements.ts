/** Defects of the statements: a guard, a clock or a row that is missing. */
import { inStatement, type Mutant } from './mutant.ts';

const LEFT = 'floor(extract(epoch from deadline_at - statement_timestamp()) * 1000)';

const SWEEPS = 'services/scheduler/src/loops/sweeps.ts';

export const OF_STATEMENTS: readonly Mutant[] = [
  {
    name: 'a result is taken whatever its claim',
    scenes: ['relapse'],
    patches: [
      inStatement(
        'finish-jobs',
        '      and (posted.claim_no is null or leases.claim_no = posted.claim_no)\n',
        '',
      ),
    ],
  },
  {
    name: 'a result is taken from any worker',
    scenes: ['strangers'],
    patches: [inStatement('finish-jobs', '      and leases.worker_id = posted.worker_id\n', '')],
  },
  {
    name: 'a lost claim is taken back by its job alone',
    scenes: ['overtaken'],
    patches: [
      inStatement('requeue-jobs', ' and leases.claim_no = claim.claim_no', ''),
      {
        file: 'services/scheduler/src/sweep-jobs.ts',
        find: '  for (const [endpointId, leases] of Map.groupBy(lost,',
        put: `  await new Promise((resolve) => setTimeout(resolve, 4_000));
  for (const [endpointId, leases] of Map.groupBy(lost,`,
      },
    ],
  },
  {
    name: 'the ttl ends by the clock of the service',
    scenes: ['flow', 'expiry'],
    patches: [
      inStatement(
        'expire-jobs',
        'deadline_at <= statement_timestamp()',
        'deadline_at <= to_timestamp($4::bigint / 1000.0)',
      ),
      inStatement(
        'expire-jobs',
        '[endpointId, process, rank])',
        '[endpointId, process, rank, Date.now()])',
      ),
      inStatement(
        'find-expired',
        'deadline_at <= statement_timestamp()',
        `deadline_at <= statement_timestamp() + interval '1 hour'`,
      ),
    ],
  },
  {
    name: 'a claim does not look at the deadline',
    scenes: ['expiry'],
    patches: [
      inStatement('claim-jobs', ' and deadline_at > statement_timestamp()', ''),
      inStatement('claim-jobs', `${LEFT}::bigint`, `greatest(0, ${LEFT})::bigint`),
    ],
  },
  {
    name: 'a purge takes running jobs as well',
    scenes: ['purge'],
    patches: [
      inStatement(
        'purge-queue',
        `ended as materialized (
  select \${endedFromQueue('CANCELLED', 'null', \`'purge'\`)} from unqueued
),`,
        `released as (
  delete from leases where endpoint_id = $1 returning *
),
ended as materialized (
  select \${endedFromQueue('CANCELLED', 'null', \`'purge'\`)} from unqueued
  union all
  select \${endedFromQueue('CANCELLED', 'null', \`'purge'\`)} from released
),`,
      ),
      inStatement(
        'purge-queue',
        `queued: 'count(*)', running: '0'`,
        `queued: '(select count(*) from unqueued)', running: '(select count(*) from released)'`,
      ),
    ],
  },
  {
    name: 'a job is given again to a worker that lists it',
    scenes: ['listed'],
    patches: [
      inStatement('claim-jobs', 'unnest(inventory) as job_id', `unnest('{}'::uuid[]) as job_id`),
    ],
  },
  {
    name: 'the latest deadline goes first',
    scenes: ['turns'],
    patches: [
      inStatement(
        'claim-jobs',
        'order by deadline_at, seq\n  limit greatest',
        'order by deadline_at desc, seq desc\n  limit greatest',
      ),
    ],
  },
  {
    name: 'the lock of a sweep outlives its transaction',
    scenes: ['expiry'],
    patches: [
      inStatement('in-sweep-turn', 'pg_try_advisory_xact_lock($1)', 'pg_try_advisory_lock($1)'),
    ],
  },
  {
    name: 'a sweep that has found nothing once does not look again',
    scenes: ['expiry'],
    patches: [
      {
        file: SWEEPS,
        find: '} as const;',
        put: '} as const;\nconst rested = new Set<string>();',
      },
      {
        file: SWEEPS,
        find: '    const due = await find(store);',
        put: `    if (rested.has(sweep)) return;
    const due = await find(store);
    if (due.length === 0) rested.add(sweep);`,
      },
    ],
  },
  {
    name: 'a job that goes back to the queue keeps its lease',
    scenes: ['relapse'],
    patches: [
      inStatement(
        'requeue-jobs',
        'delete from leases where ctid = any',
        'update leases set rank = rank where ctid = any',
      ),
    ],
  },
  {
    name: 'an end leaves out a number of the events',
    scenes: ['flow'],
    patches: [
      inStatement('finish-jobs', 'event_seq + 1 as event_seq', 'event_seq + 2 as event_seq'),
    ],
  },
  {
    name: 'a try of a webhook follows two seconds after one that failed',
    scenes: ['flow'],
    patches: [
      inStatement('record-delivery-tries', 'RETRY_AFTER_MS = 10_000', 'RETRY_AFTER_MS = 2_000'),
    ],
  },
  {
    name: 'an idempotency key that is held is taken over',
    scenes: ['flow'],
    patches: [
      inStatement('accept-jobs', 'where held.expires_at <= statement_timestamp()', 'where true'),
    ],
  },
  {
    name: 'the s3Config of a completed job is kept',
    scenes: ['flow'],
    patches: [
      inStatement('terminal', `status in ('COMPLETED', 'CANCELLED')`, `status = 'CANCELLED'`),
    ],
  },
  {
    name: 'a chunk is taken whatever its claim',
    scenes: ['relapse'],
    patches: [
      inStatement(
        'append-chunks',
        'posted.claim_no = leases.claim_no\n',
        'posted.claim_no is not null\n',
      ),
    ],
  },
  {
    name: 'a cancel overwrites what is COMPLETED',
    scenes: ['flow'],
    patches: [
      inStatement(
        'cancel-jobs',
        'ended as materialized (',
        `overwritten as (
  update results set status = 'CANCELLED'
  where endpoint_id = $1 and job_id = any($3::uuid[]) and status = 'COMPLETED'
),
ended as materialized (`,
      ),
    ],
  },
];
