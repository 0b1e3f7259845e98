import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { type EndpointId, type JobId, uuidOf } from '@switchyard/contracts';
import { escalatesAfterMs, RANK, type Rank } from '@switchyard/lifecycle';
import {
  escalateJobs,
  findEscalating,
  type JobStatus,
  readEventsOfJob,
  readStatuses,
  requeueJobs,
  retryJob,
  startDelayed,
} from '@switchyard/store';
import { checkInvariants } from '../support/invariants.ts';
import { withStore } from '../support/store.ts';
import { accept, acceptOne, claim, claimOne, finish, makeEndpoint, PROCESS } from './jobs.ts';

const database = await withStore();
const { store, sql } = database;
after(() => database[Symbol.asyncDispose]());

const LOW = { rank: RANK.low } as const;

const statusOf = async (endpointId: EndpointId, jobId: JobId): Promise<JobStatus> =>
  (await readStatuses(store, endpointId, [jobId])).get(jobId) ?? assert.fail('it is there');

const rankNow = async (endpointId: EndpointId, jobId: JobId): Promise<Rank> =>
  (await statusOf(endpointId, jobId)).rank;

const eventsOf = async (endpointId: EndpointId, jobId: JobId): Promise<string[]> =>
  (await readEventsOfJob(store, endpointId, jobId)).map(({ event }) => event);

/** Lets time pass for a queued job, in that all of its times lie so much earlier. */
const letPass = (jobId: JobId, ms: number): Promise<object[]> =>
  sql(
    `update queue set deadline_at = deadline_at - $2 * interval '1 ms',
      waiting_since = waiting_since - $2 * interval '1 ms',
      escalate_at = escalate_at - $2 * interval '1 ms' where job_id = $1`,
    [uuidOf(jobId), ms],
  );

/** In how many ms a queued job is due to escalate; null when it never is. */
const dueInMs = async (jobId: JobId): Promise<number | null> =>
  (
    await sql<{ due: number | null }>(
      `select extract(epoch from escalate_at - waiting_since)::float8 * 1000 as due
        from queue where job_id = $1`,
      [uuidOf(jobId)],
    )
  )[0]?.due ?? null;

describe('a low job', () => {
  test('is due as the rule says, whichever of its two parts comes first', async () => {
    for (const [escalateAfterMs, ttlMs] of [
      [3_600_000, 86_400_000],
      [3_600_000, 60_000],
      [20_000, 10_001],
      [1_000, 10_003],
      [604_800_000, 604_799_999],
    ] as const) {
      const endpointId = await makeEndpoint(store, { escalateAfterMs });
      const [low, high] = await accept(store, endpointId, { ...LOW, ttlMs }, { ttlMs });
      assert(low && high);
      assert.equal(await dueInMs(low), escalatesAfterMs(ttlMs, escalateAfterMs));
      assert.equal(await dueInMs(high), null);
    }
  });

  test('counts as high once it is due: an event, once, and not sooner', async () => {
    const endpointId = await makeEndpoint(store, { escalateAfterMs: 20_000 });
    const jobId = await acceptOne(store, endpointId, LOW);
    await letPass(jobId, 19_000);
    assert(!(await findEscalating(store)).includes(endpointId));
    assert.deepEqual(await escalateJobs(store, endpointId), { raised: 0, escalated: 0 });
    await letPass(jobId, 1_001);
    assert((await findEscalating(store)).includes(endpointId));
    assert.deepEqual(await escalateJobs(store, endpointId), { raised: 1, escalated: 1 });
    assert.deepEqual(await escalateJobs(store, endpointId), { raised: 0, escalated: 0 });
    const status = await statusOf(endpointId, jobId);
    assert.equal(status.rank, RANK.high);
    assert(status.escalatedAt !== null);
    assert.deepEqual(await eventsOf(endpointId, jobId), ['accepted', 'escalated']);
    const taken = await claimOne(store, endpointId);
    assert.deepEqual((await statusOf(endpointId, jobId)).escalatedAt, status.escalatedAt);
    assert(await finish(store, endpointId, taken));
    assert.deepEqual((await statusOf(endpointId, jobId)).escalatedAt, status.escalatedAt);
  });

  test('goes ahead of younger high ones, and behind those that end sooner', async () => {
    const endpointId = await makeEndpoint(store, { escalateAfterMs: 20_000 });
    const urgent = await acceptOne(store, endpointId, { ttlMs: 60_000 });
    const low = await acceptOne(store, endpointId, LOW);
    await letPass(low, 20_001);
    await escalateJobs(store, endpointId);
    const young = await acceptOne(store, endpointId);
    const order = (await claim(store, endpointId, 1)).concat(await claim(store, endpointId, 1));
    assert.deepEqual(
      order.map(({ jobId }) => jobId),
      [urgent, low],
    );
    assert.equal((await claimOne(store, endpointId)).jobId, young);
  });

  test('that waits as long again goes to the head, whatever ends sooner', async () => {
    const endpointId = await makeEndpoint(store, { escalateAfterMs: 20_000 });
    const low = await acceptOne(store, endpointId, LOW);
    await letPass(low, 20_001);
    await escalateJobs(store, endpointId);
    await letPass(low, 19_000);
    assert.deepEqual(await escalateJobs(store, endpointId), { raised: 0, escalated: 0 });
    await letPass(low, 1_001);
    await acceptOne(store, endpointId, { ttlMs: 10_000 });
    assert.deepEqual(await escalateJobs(store, endpointId), { raised: 1, escalated: 0 });
    assert.deepEqual(await eventsOf(endpointId, low), ['accepted', 'escalated']);
    assert.equal((await claimOne(store, endpointId)).jobId, low);
  });

  test('gets what was left until its escalation back when it is returned', async () => {
    const endpointId = await makeEndpoint(store, { escalateAfterMs: 20_000 });
    const low = await acceptOne(store, endpointId, LOW);
    await letPass(low, 15_000);
    const taken = await claimOne(store, endpointId);
    await sql(
      `update leases set started_at = started_at - interval '1 hour',
        escalate_at = escalate_at - interval '1 hour' where job_id = $1`,
      [uuidOf(low)],
    );
    await requeueJobs(store, endpointId, PROCESS, 'worker_lost', [taken]);
    await letPass(low, 4_000);
    assert.deepEqual(await escalateJobs(store, endpointId), { raised: 0, escalated: 0 });
    await letPass(low, 1_001);
    assert.deepEqual(await escalateJobs(store, endpointId), { raised: 1, escalated: 1 });
    assert.equal(await rankNow(endpointId, low), RANK.highReturned);
  });

  test('is low again after a retry, and escalates anew', async () => {
    const endpointId = await makeEndpoint(store, { escalateAfterMs: 20_000 });
    const low = await acceptOne(store, endpointId, LOW);
    await letPass(low, 20_001);
    await escalateJobs(store, endpointId);
    assert(await finish(store, endpointId, await claimOne(store, endpointId), 'FAILED'));
    assert(await retryJob(store, endpointId, PROCESS, low));
    assert.equal(await rankNow(endpointId, low), RANK.low);
    assert.equal(await dueInMs(low), 20_000);
    await letPass(low, 20_001);
    assert.deepEqual(await escalateJobs(store, endpointId), { raised: 1, escalated: 1 });
  });

  test('does not wait for its escalation before its start time', async () => {
    const endpointId = await makeEndpoint(store, { escalateAfterMs: 20_000 });
    const startAtMs = Date.now() + 60_000;
    const low = await acceptOne(store, endpointId, { ...LOW, startAtMs });
    await sql(
      `update delayed set start_at = start_at - interval '61 s',
        waiting_since = waiting_since - interval '61 s' where job_id = $1`,
      [uuidOf(low)],
    );
    await startDelayed(store, endpointId);
    assert.deepEqual(await escalateJobs(store, endpointId), { raised: 0, escalated: 0 });
    await letPass(low, 19_500);
    assert.deepEqual(await escalateJobs(store, endpointId), { raised: 1, escalated: 1 });
  });

  test('leaves no rule broken', async () => {
    assert.deepEqual(await checkInvariants(database.url), []);
  });
});
