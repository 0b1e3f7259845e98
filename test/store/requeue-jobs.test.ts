import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import {
  type EndpointId,
  type JobId,
  REQUEUE_REASONS,
  type RequeueReason,
} from '@switchyard/contracts';
import { afterLoss, RANK, RANKS, returnedRank } from '@switchyard/lifecycle';
import {
  appendChunks,
  peekStreamChunks,
  readEventsOfJob,
  readStatuses,
  recordDeliveryTries,
  requeueJobs,
  retryJob,
  startDeliveries,
  takeStreamChunks,
} from '@switchyard/store';
import { checkInvariants } from '../support/invariants.ts';
import { withStore } from '../support/store.ts';
import { acceptOne, claimOne, finish, makeEndpoint, PROCESS } from './jobs.ts';

const database = await withStore();
const { store, sql } = database;
after(() => database[Symbol.asyncDispose]());

const UNSPENT: readonly RequeueReason[] = ['assign_lost', 'not_handed_over', 'switchyard_ended_it'];

const statusOf = async (endpointId: EndpointId, jobId: JobId) =>
  (await readStatuses(store, endpointId, [jobId])).get(jobId) ?? assert.fail('it is found');

describe('a claim that was lost', () => {
  for (const reason of REQUEUE_REASONS) {
    const spent = !UNSPENT.includes(reason);
    const outcome = spent ? 'spends an attempt and leads its priority' : 'leaves all as it was';
    test(`${reason}: ${outcome}`, async () => {
      for (const rank of RANKS) {
        const endpointId = await makeEndpoint(store);
        const jobId = await acceptOne(store, endpointId, { rank });
        const { claimNo } = await claimOne(store, endpointId);
        const lost = await requeueJobs(store, endpointId, PROCESS, reason, [{ jobId, claimNo }]);
        assert.deepEqual(lost, { requeued: [jobId], failed: [] });
        const status = await statusOf(endpointId, jobId);
        assert.equal(status.state, 'IN_QUEUE');
        assert.equal(status.rank, spent ? returnedRank(rank) : rank);
        assert.equal(status.attempt, afterLoss(0, 3, spent).attempts);
        const event = (await readEventsOfJob(store, endpointId, jobId)).at(-1);
        assert.deepEqual([event?.event, event?.reason, event?.claimNo], ['requeued', reason, 1]);
      }
    });
  }

  test('fails the job with a sentence when it was the last attempt', async () => {
    const endpointId = await makeEndpoint(store, { limits: { maxAttempts: 2 } });
    const jobId = await acceptOne(store, endpointId);
    const lose = async (reason: RequeueReason) => {
      const { claimNo } = await claimOne(store, endpointId);
      return requeueJobs(store, endpointId, PROCESS, reason, [{ jobId, claimNo }]);
    };
    assert.deepEqual((await lose('worker_exited')).requeued, [jobId]);
    assert.deepEqual(
      (await lose('not_handed_over')).requeued,
      [jobId],
      'an unspent one never fails',
    );
    assert.deepEqual((await lose('assign_lost')).requeued, [jobId]);
    assert.deepEqual(await lose('worker_lost'), { requeued: [], failed: [jobId] });
    const status = await statusOf(endpointId, jobId);
    assert.equal(status.state, 'FAILED');
    assert.equal(
      String(status.error),
      '"The job failed after 2 of 2 attempts: its worker was not heard of any more."',
    );
    assert.deepEqual([status.attempt, status.claimNo], [2, 4]);
  });

  test('gives back what was left of the ttl when it was claimed', async () => {
    const endpointId = await makeEndpoint(store);
    const jobId = await acceptOne(store, endpointId, { ttlMs: 60_000 });
    await sql(`update queue set deadline_at = statement_timestamp() + interval '20 s'`);
    const { claimNo } = await claimOne(store, endpointId);
    // It runs for an hour: longer than it might have waited.
    await sql(`update leases set started_at = started_at - interval '1 hour'`);
    await requeueJobs(store, endpointId, PROCESS, 'worker_lost', [{ jobId, claimNo }]);
    const [row] = await sql<{ left: number }>(
      `select extract(epoch from deadline_at - statement_timestamp())::float8 as left from queue
        where endpoint_id = $1`,
      [endpointId],
    );
    assert(row && row.left > 15 && row.left <= 20, `${row?.left} s are left`);
  });

  test('is only that claim: an older number changes nothing', async () => {
    const endpointId = await makeEndpoint(store);
    const jobId = await acceptOne(store, endpointId);
    await claimOne(store, endpointId);
    await requeueJobs(store, endpointId, PROCESS, 'worker_lost', [{ jobId, claimNo: 1 }]);
    await claimOne(store, endpointId);
    const late = await requeueJobs(store, endpointId, PROCESS, 'worker_lost', [
      { jobId, claimNo: 1 },
    ]);
    assert.deepEqual(late, { requeued: [], failed: [] });
    assert.equal((await statusOf(endpointId, jobId)).state, 'IN_PROGRESS');
  });
});

describe('a retry', () => {
  const fail = async (webhook: string | null = null) => {
    const endpointId = await makeEndpoint(store);
    const jobId = await acceptOne(store, endpointId, { webhook, rank: RANK.low, ttlMs: 60_000 });
    const job = await claimOne(store, endpointId);
    await appendChunks(store, endpointId, [
      { ...job, seq: 0, output: Buffer.from('"a"') },
      { ...job, seq: 1, output: Buffer.from('"b"') },
    ]);
    assert.equal((await takeStreamChunks(store, endpointId, jobId)).length, 2);
    assert(await finish(store, endpointId, job, 'FAILED'));
    return { endpointId, jobId };
  };

  test('begins anew: fresh ttl, no attempts spent, its own priority, no result', async () => {
    const { endpointId, jobId } = await fail();
    await sql(`update jobs set created_at = created_at - interval '1 hour'`);
    assert.equal(await retryJob(store, endpointId, PROCESS, jobId), true);
    assert.equal(await retryJob(store, endpointId, PROCESS, jobId), false);
    const status = await statusOf(endpointId, jobId);
    assert.deepEqual(
      [status.state, status.rank, status.attempt, status.error, status.delayMs],
      ['IN_QUEUE', RANK.low, 0, null, null],
    );
    const leftMs = (status.deadlineAt?.getTime() ?? 0) - Date.now();
    assert(leftMs > 50_000 && leftMs <= 61_000, `${leftMs} ms are left`);
    assert.equal((await claimOne(store, endpointId)).claimNo, 2, 'claim numbers go on');
    const { delayMs } = await statusOf(endpointId, jobId);
    assert(delayMs !== null && delayMs < 60_000, 'it waited since the retry, not since the accept');
  });

  test('drops the chunks and the cursor of the stream', async () => {
    const { endpointId, jobId } = await fail();
    await retryJob(store, endpointId, PROCESS, jobId);
    assert.deepEqual(await peekStreamChunks(store, endpointId, jobId, 0), []);
    const job = await claimOne(store, endpointId);
    await appendChunks(store, endpointId, [{ ...job, seq: 0, output: Buffer.from('"new"') }]);
    const chunks = await takeStreamChunks(store, endpointId, jobId);
    assert.deepEqual(
      chunks.map(({ claimNo, seq, output }) => [claimNo, seq, String(output)]),
      [[2, 0, '"new"']],
    );
  });

  test('leaves the open delivery with the result that it is to tell', async () => {
    const { endpointId, jobId } = await fail('https://example.com/hook');
    await retryJob(store, endpointId, PROCESS, jobId);
    assert(await finish(store, endpointId, await claimOne(store, endpointId)));
    const room = { busy: new Map<string, number>(), idle: 10 };
    const tries = await startDeliveries(store, endpointId, 10, room);
    const told = tries.map(({ result }) => [result.status, String(result.error ?? result.output)]);
    assert.deepEqual(told.toSorted(), [
      ['COMPLETED', '{"ok":true}'],
      ['FAILED', '"it broke"'],
    ]);
    const ended = tries.map(({ deliveryId, n }) => ({
      ...{ deliveryId, n, delivered: true, durationMs: 1, responseStatus: 200 },
      ...{ responseExcerpt: null, error: null },
    }));
    await recordDeliveryTries(store, endpointId, ended);
  });

  test('leaves no rule broken', async () => {
    assert.deepEqual(await checkInvariants(database.url), []);
  });
});
