import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import {
  cancelJobs,
  INVARIANTS,
  recordDeliveryTries,
  requeueJobs,
  retryJob,
  startDeliveries,
} from '@switchyard/store';
import { acceptOne, claimOne, finish, keyed, makeEndpoint, PROCESS } from '../store/jobs.ts';
import { checkInvariants } from './invariants.ts';
import { withStore } from './store.ts';

const database = await withStore();
after(() => database[Symbol.asyncDispose]());
const { store, url, sql } = database;

/** What would be a defect of Switchyard, and a part of the sentence that tells it. */
const FAULTS: readonly (readonly [code: keyof typeof INVARIANTS, fault: string, told?: RegExp])[] =
  [
    ['place.one', 'delete from queue', /is nowhere/],
    [
      'place.one',
      `insert into results (endpoint_id, job_id, status, claim_no, attempts, rank, event_seq,
        finished_at) select endpoint_id, job_id, 'FAILED', 1, 1, 1, event_seq, now() from leases`,
      /is in leases and results/,
    ],
    ['place.no_job', 'delete from jobs', /is in results/],
    ['place.event', 'update queue set event_seq = event_seq + 1'],
    [
      'place.state',
      `update results set status = 'TIMED_OUT' where status = 'FAILED'`,
      /as TIMED_OUT .* ends with failed/,
    ],
    ['place.claim', 'update leases set claim_no = 9'],
    ['place.attempts', 'update results set attempts = 30'],
    ['rank.escalated', 'update queue set rank = 2'],
    ['rank.escalated', 'update queue set escalated_at = now()'],
    ['events.numbered', 'delete from events where seq = 1'],
    ['events.numbered', 'update events set seq = 8 where seq = 3'],
    ['events.begin', `update events set event = 'started' where seq = 1`],
    ['events.step', `update events set event = 'completed' where event = 'failed'`, /retried/],
    [
      'events.step',
      `insert into events (endpoint_id, job_id, seq, event, occurred_at)
        select endpoint_id, job_id, event_seq + 1, 'failed', now() from results
        where status = 'COMPLETED'`,
      /failed as event 4 after completed/,
    ],
    ['events.reason', `update events set reason = 'mood' where event = 'requeued'`],
    ['claims.numbered', `update events set claim_no = 7 where event = 'started'`],
    [
      'chunks.claim',
      `insert into stream_chunks select endpoint_id, job_id, 5, 0, '1' from leases`,
      /of claim 5 and was claimed 2 times/,
    ],
    [
      'secrets.kept',
      `insert into job_secrets select endpoint_id, job_id, 'x' from results
        where status = 'COMPLETED'`,
      /is COMPLETED/,
    ],
    ['rows.no_job', 'delete from jobs', /is gone but for/],
    ['rows.no_endpoint', `update queue set endpoint_id = 'nobody'`, /is gone but for queue/],
    ['delivery.missing', 'delete from deliveries', /no delivery tells that it completed/],
    ['delivery.end', 'update deliveries set event_seq = 1'],
    ['delivery.closed', 'update deliveries set closed_at = now(), outcome = null'],
    ['delivery.tries', 'update deliveries set tries = 3'],
    [
      'delivery.after_success',
      `insert into delivery_tries (endpoint_id, delivery_id, n, outcome)
        select endpoint_id, delivery_id, 9, 'started' from deliveries where outcome = 'delivered'`,
    ],
    [
      'times.tries',
      `update delivery_tries set started_at = started_at - interval '1 minute' where n = 2`,
    ],
    ['keys.job', 'update idempotency set job_id = (select min(job_id::text)::uuid from jobs)'],
    ['counts.rows', 'update counts set queued = queued + 1', /it counts 3 queued/],
    ['counts.rows', 'delete from counts'],
    ['counts.log', 'update counts set completed = 0'],
    ['late.deadline', `update queue set deadline_at = now() - interval '1 minute'`],
    ['late.escalation', `update queue set escalate_at = now() - interval '1 minute'`],
    ['late.start', `update delayed set start_at = now() - interval '1 minute'`],
    ['late.overdue', `update leases set overdue_at = now() - interval '1 minute'`],
    ['times.result', 'update results set execution_ms = 3600000'],
    ['times.event', `update events set occurred_at = occurred_at - interval '1 h' where seq > 1`],
  ];

/** Every state, every table, and a delivery that came through at its second try. */
const makeSoundData = async (): Promise<void> => {
  const endpointId = await makeEndpoint(store);
  const webhook = 'https://example.com/hook';
  for (const status of ['COMPLETED', 'FAILED', 'FAILED'] as const) {
    await acceptOne(store, endpointId, { webhook, idempotency: keyed(`key of ${Math.random()}`) });
    const job = await claimOne(store, endpointId);
    assert(await finish(store, endpointId, job, status));
    if (status === 'COMPLETED') continue;
    assert(await retryJob(store, endpointId, PROCESS, job.jobId));
    assert(await finish(store, endpointId, await claimOne(store, endpointId), status));
  }
  for (const delivered of [false, true]) {
    const room = { busy: new Map(), idle: 9 };
    const [first] = await startDeliveries(store, endpointId, 1, room);
    assert(first !== undefined);
    const outcome = { durationMs: 3, responseStatus: 500, responseExcerpt: null, error: null };
    const { deliveryId, n } = first;
    await recordDeliveryTries(store, endpointId, [{ deliveryId, n, ...outcome, delivered }]);
    if (delivered) continue;
    await sql('update deliveries set due_at = now(), lost_at = null where delivery_id = $1', [
      first.deliveryId,
    ]);
    await sql('update deliveries set due_at = $1 where delivery_id <> $2', [
      'infinity',
      first.deliveryId,
    ]);
    await sql(`update delivery_tries set started_at = started_at - interval '10.1 s'`);
  }
  const cancelled = await acceptOne(store, endpointId, { secret: Buffer.from('sealed') });
  await cancelJobs(store, endpointId, PROCESS, [cancelled]);
  await acceptOne(store, endpointId);
  const { jobId, claimNo } = await claimOne(store, endpointId);
  await requeueJobs(store, endpointId, PROCESS, 'worker_lost', [{ jobId, claimNo }]);
  await claimOne(store, endpointId);
  await acceptOne(store, endpointId, { secret: Buffer.from('sealed') });
  await acceptOne(store, endpointId, { startAtMs: Date.now() + 3_600_000 });
};

/** Copies every table without its constraints, so that any fault can be put in. */
const copyTables = async (schema: string): Promise<void> => {
  await sql(`create schema ${schema}`);
  const tables = await sql<{ tablename: string }>(
    `select tablename from pg_tables where schemaname = 'public'`,
  );
  for (const { tablename } of tables) {
    await sql(`create table ${schema}.${tablename} as table public.${tablename}`);
  }
};

test('the invariants hold of sound data, and each fault is told in a sentence', async () => {
  await makeSoundData();
  assert.deepEqual(await checkInvariants(url, 'times'), []);
  for (const [index, [code, fault, told = /./]] of FAULTS.entries()) {
    const copy = `fault_${index}`;
    await copyTables(copy);
    await sql(`set search_path = ${copy}`);
    await sql(fault);
    await sql('reset search_path');
    const broken = new URL(url);
    broken.searchParams.set('options', `-c search_path=${copy}`);
    const sentences = (await checkInvariants(broken.href, 'times')).filter((one) =>
      one.includes(`(${code})`),
    );
    assert.equal(sentences.length, 1, `${code} by ${fault}`);
    assert.match(sentences.join(), told, fault);
  }
  const seeded = new Set(FAULTS.map(([code]) => code));
  assert.deepEqual(
    Object.keys(INVARIANTS).filter((code) => !seeded.has(code as never)),
    [],
  );
});
