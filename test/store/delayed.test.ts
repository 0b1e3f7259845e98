import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { type EndpointId, type JobId, uuidOf } from '@switchyard/contracts';
import { RANK } from '@switchyard/lifecycle';
import {
  cancelJobs,
  deleteEndpoint,
  type JobStatus,
  listRequests,
  purgeDelayed,
  readEventsOfJob,
  readHealth,
  readPosition,
  readPurgeMoment,
  readStatuses,
  retryJob,
  searchJobs,
  startDelayed,
} from '@switchyard/store';
import { checkInvariants } from '../support/invariants.ts';
import { withStore } from '../support/store.ts';
import {
  accept,
  acceptOne,
  claim,
  claimOne,
  finish,
  keyed,
  makeEndpoint,
  PROCESS,
} from './jobs.ts';

const database = await withStore();
const { store, sql } = database;
after(() => database[Symbol.asyncDispose]());

const IN_AN_HOUR = (): number => Date.now() + 3_600_000;

const statusOf = async (endpointId: EndpointId, jobId: JobId): Promise<JobStatus> =>
  (await readStatuses(store, endpointId, [jobId])).get(jobId) ?? assert.fail('it is there');

/** Lets `ms` of the time until its start pass, in that all of its times lie so much earlier. */
const letPass = (jobId: JobId, ms: number): Promise<object[]> =>
  sql(
    `update delayed set start_at = start_at - $2 * interval '1 ms',
      waiting_since = waiting_since - $2 * interval '1 ms' where job_id = $1`,
    [uuidOf(jobId), ms],
  );

describe('a job with a start time', () => {
  test('is queued, counted and listed, and no claim takes it', async () => {
    const endpointId = await makeEndpoint(store);
    const startAtMs = IN_AN_HOUR();
    const jobId = await acceptOne(store, endpointId, { startAtMs, ttlMs: 60_000 });
    const status = await statusOf(endpointId, jobId);
    assert.equal(status.state, 'IN_QUEUE');
    assert.equal(status.startAt?.getTime(), startAtMs);
    assert.equal(status.deadlineAt?.getTime(), startAtMs + 60_000);
    assert.deepEqual([status.attempt, status.claimNo, status.delayMs], [0, 0, null]);
    assert.deepEqual(await claim(store, endpointId, 5), []);
    assert.equal((await readHealth(store, endpointId)).jobs.inQueue, 1);
    const page = { after: null, limit: 5, status: 'IN_QUEUE' } as const;
    const { requests } = await listRequests(store, endpointId, page);
    assert.deepEqual([requests[0]?.id, requests[0]?.priority], [jobId, 'high']);
    const search = { worker: null, priority: null, from: null, before: null, limit: 5 };
    const found = await searchJobs(store, [endpointId], { ...search, status: 'IN_QUEUE' });
    assert.deepEqual(
      found.jobs.map(({ id }) => id),
      [jobId],
    );
    assert.equal(await deleteEndpoint(store, endpointId), 'busy');
  });

  test('starts when its time has come, and its ttl counts from then', async () => {
    const endpointId = await makeEndpoint(store);
    const startAtMs = IN_AN_HOUR();
    const jobId = await acceptOne(store, endpointId, { startAtMs, ttlMs: 60_000 });
    assert.deepEqual(await startDelayed(store, endpointId), []);
    await letPass(jobId, 3_610_000);
    assert.deepEqual(await startDelayed(store, endpointId), [jobId]);
    const { deadlineAt, startAt } = await statusOf(endpointId, jobId);
    assert.equal(startAt, null);
    assert.equal(deadlineAt?.getTime(), startAtMs - 3_610_000 + 60_000);
    const taken = await claimOne(store, endpointId);
    assert.equal(taken.jobId, jobId);
    const { delayMs } = await statusOf(endpointId, jobId);
    assert(delayMs !== null && delayMs >= 3_600_000, 'it has waited since it was accepted');
    assert(await finish(store, endpointId, taken));
    const events = await readEventsOfJob(store, endpointId, jobId);
    assert.deepEqual(
      events.map(({ event }) => event),
      ['accepted', 'started', 'completed'],
    );
  });

  test('that has passed starts at once, beside others of its batch', async () => {
    const endpointId = await makeEndpoint(store);
    const [past, now, later] = await accept(
      store,
      endpointId,
      { startAtMs: 0 },
      {},
      { startAtMs: IN_AN_HOUR() },
    );
    const claimed = await claim(store, endpointId, 5);
    assert.deepEqual(new Set(claimed.map(({ jobId }) => jobId)), new Set([past, now]));
    assert(later);
    assert.equal((await statusOf(endpointId, later)).state, 'IN_QUEUE');
  });

  test('is idempotent by its key, and starts at once when it is retried', async () => {
    const endpointId = await makeEndpoint(store);
    const job = { startAtMs: IN_AN_HOUR(), idempotency: keyed('once') };
    const jobId = await acceptOne(store, endpointId, job);
    const again = await acceptOne(store, endpointId, job);
    assert.equal((await readStatuses(store, endpointId, [again])).size, 0);
    await letPass(jobId, 3_610_000);
    await startDelayed(store, endpointId);
    const taken = await claimOne(store, endpointId);
    assert(await finish(store, endpointId, taken, 'FAILED'));
    assert(await retryJob(store, endpointId, PROCESS, jobId));
    assert.equal((await claimOne(store, endpointId)).jobId, jobId);
  });

  test('is cancelled and purged like any other', async () => {
    const endpointId = await makeEndpoint(store);
    const job = { startAtMs: IN_AN_HOUR(), secret: Buffer.from('sealed') };
    const [one, other] = await accept(store, endpointId, job, job);
    assert(one && other);
    const cancelled = await cancelJobs(store, endpointId, PROCESS, [one]);
    assert.deepEqual(cancelled, [{ jobId: one, running: undefined }]);
    const before = await readPurgeMoment(store);
    const late = await acceptOne(store, endpointId, job);
    assert.deepEqual(await purgeDelayed(store, endpointId, PROCESS, before), [other]);
    for (const id of [one, other]) {
      assert.equal((await statusOf(endpointId, id)).state, 'CANCELLED');
    }
    assert.equal((await statusOf(endpointId, late)).state, 'IN_QUEUE');
    assert.equal((await readHealth(store, endpointId)).jobs.inQueue, 1);
  });

  test('stands behind what is queued and what starts sooner', async () => {
    const endpointId = await makeEndpoint(store);
    const [, , sooner, later] = await accept(
      store,
      endpointId,
      {},
      { rank: RANK.low },
      { startAtMs: IN_AN_HOUR() },
      { startAtMs: IN_AN_HOUR() + 5_000 },
    );
    assert(sooner && later);
    const aheadOf = async (jobId: JobId): Promise<number> =>
      (await readPosition(store, endpointId, await statusOf(endpointId, jobId))).ahead;
    assert.deepEqual([await aheadOf(sooner), await aheadOf(later)], [2, 3]);
  });

  test('leaves no rule broken', async () => {
    assert.deepEqual(await checkInvariants(database.url), []);
  });
});
