import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { type EndpointId, type JobId, newJobId, uuidOf } from '@switchyard/contracts';
import { RANK, RANKS } from '@switchyard/lifecycle';
import {
  cancelJobs,
  endOverdueJobs,
  expireJobs,
  findExpired,
  findOverdue,
  findWaiting,
  inSweepTurn,
  purgeQueue,
  readEventsOfJob,
  readPurgeMoment,
  readStatuses,
} from '@switchyard/store';
import { checkInvariants } from '../support/invariants.ts';
import { withStore } from '../support/store.ts';
import { accept, acceptOne, claim, claimOne, makeEndpoint, PROCESS, WORKER } from './jobs.ts';
import { MOVES } from './moves.ts';

const database = await withStore();
const { store, sql } = database;
after(() => database[Symbol.asyncDispose]());

const statusOf = async (endpointId: EndpointId, jobId: JobId) =>
  (await readStatuses(store, endpointId, [jobId])).get(jobId) ?? assert.fail('it is found');

const lastEvent = async (endpointId: EndpointId, jobId: JobId) => {
  const last = (await readEventsOfJob(store, endpointId, jobId)).at(-1);
  return [last?.event, last?.reason];
};

describe('a cancel', () => {
  test('says of each job whether it ran, and where it is to be stopped', async () => {
    const endpointId = await makeEndpoint(store);
    const running = await acceptOne(store, endpointId);
    const { claimNo } = await claimOne(store, endpointId);
    const queued = await acceptOne(store, endpointId);
    const unknown = newJobId('async');
    const ids = [running, queued, unknown, running];
    const cancelled = await cancelJobs(store, endpointId, PROCESS, ids);
    const byId = new Map(cancelled.map((job) => [job.jobId, job.running]));
    assert.equal(cancelled.length, 2);
    assert.deepEqual(byId.get(running), { workerId: WORKER, claimNo });
    assert.equal(byId.get(queued), undefined);
    assert.deepEqual(await cancelJobs(store, endpointId, PROCESS, ids), []);
    assert.deepEqual(await lastEvent(endpointId, queued), ['cancelled', 'client']);
    const status = await statusOf(endpointId, running);
    assert.deepEqual([status.state, status.error, status.output], ['CANCELLED', null, null]);
  });
});

describe('a purge', () => {
  test('cancels what was queued before it, running and later jobs never', async () => {
    const endpointId = await makeEndpoint(store);
    const other = await makeEndpoint(store);
    const elsewhere = await acceptOne(store, other);
    const running = await acceptOne(store, endpointId);
    await claimOne(store, endpointId);
    const queued = await accept(store, endpointId, {}, { rank: RANK.low }, {});
    const moment = await readPurgeMoment(store);
    const later = await acceptOne(store, endpointId);
    const purged = await purgeQueue(store, endpointId, PROCESS, moment);
    assert.deepEqual(new Set(purged), new Set(queued));
    assert.deepEqual(await lastEvent(endpointId, purged[0] ?? later), ['cancelled', 'purge']);
    assert.equal((await statusOf(endpointId, running)).state, 'IN_PROGRESS');
    assert.equal((await statusOf(endpointId, later)).state, 'IN_QUEUE');
    assert.equal((await statusOf(other, elsewhere)).state, 'IN_QUEUE');
  });

  test('takes a job that was accepted in the very millisecond before it, 200 times', async () => {
    const endpointId = await makeEndpoint(store);
    for (let n = 0; n < 200; n += 1) {
      const jobId = await acceptOne(store, endpointId);
      const moment = await readPurgeMoment(store);
      assert.deepEqual(await purgeQueue(store, endpointId, PROCESS, moment), [jobId]);
    }
  });
});

describe('the sweep of the ttl', () => {
  test('finds where jobs are past their deadline and ends them with a sentence', async () => {
    const endpointId = await makeEndpoint(store);
    const ids: JobId[] = [];
    for (const rank of RANKS) {
      const [late] = await accept(store, endpointId, { rank, ttlMs: 60_000 }, { rank });
      assert(late);
      ids.push(late);
      await MOVES.expire.prepare(sql, { endpointId, jobId: late, claimNo: 0 });
    }
    const found = (await findExpired(store)).filter((one) => one.endpointId === endpointId);
    assert.deepEqual(found.map(({ rank }) => rank).toSorted(), [...RANKS]);
    const expired: JobId[] = [];
    for (const rank of RANKS) {
      expired.push(...(await expireJobs(store, endpointId, PROCESS, rank)));
    }
    assert.deepEqual(expired, ids);
    const status = await statusOf(endpointId, ids[0] ?? newJobId('async'));
    assert.equal(status.state, 'TIMED_OUT');
    assert.equal(
      String(status.error),
      '"The job waited for its ttl of 60000 ms and no worker took it."',
    );
    assert.deepEqual([status.workerId, status.delayMs, status.executionMs], [null, null, null]);
    assert.deepEqual(await lastEvent(endpointId, status.jobId), ['timed_out', 'ttl']);
    assert(!(await findExpired(store)).some((one) => one.endpointId === endpointId));
  });
});

describe('the sweep of the executionTimeout', () => {
  test('hears how long no job can be overdue, at most 4 s', async () => {
    const endpointId = await makeEndpoint(store);
    await accept(store, endpointId, { executionTimeoutMs: 5_001 }, {});
    const [running] = await claim(store, endpointId, 2);
    assert(running);
    const before = await findOverdue(store);
    assert(before.quietMs <= 4_000 && !before.endpointIds.includes(endpointId));
    await sql(`update leases set overdue_at = now() + interval '2 s' where job_id = $1::uuid`, [
      uuidOf(running.jobId),
    ]);
    const { endpointIds, quietMs } = await findOverdue(store);
    assert(quietMs > 0 && quietMs <= 2_000 && !endpointIds.includes(endpointId));
  });

  test('finds where jobs run too long and ends them with a sentence', async () => {
    const endpointId = await makeEndpoint(store);
    await accept(store, endpointId, { executionTimeoutMs: 6_000 }, {});
    const [late] = await claim(store, endpointId, 2);
    assert(late);
    assert(!(await findOverdue(store)).endpointIds.includes(endpointId));
    await MOVES.overrun.prepare(sql, { ...late, endpointId });
    const look = await findOverdue(store);
    assert(look.endpointIds.includes(endpointId));
    assert.equal(look.quietMs, 0, 'they are looked for again until they ended');
    const { jobId, workerId, claimNo } = late;
    const ended = await endOverdueJobs(store, endpointId, PROCESS);
    assert.deepEqual(ended, [{ jobId, workerId, claimNo }]);
    const status = await statusOf(endpointId, jobId);
    assert.deepEqual([status.state, status.attempt], ['TIMED_OUT', 1]);
    assert.equal(
      String(status.error),
      '"The job ran longer than its executionTimeout of 6000 ms."',
    );
    assert.deepEqual(await lastEvent(endpointId, jobId), ['timed_out', 'executionTimeout']);
    assert(!(await findOverdue(store)).endpointIds.includes(endpointId));
  });
});

describe('the looks of the sweeps', () => {
  test('which of several endpoints have something to claim', async () => {
    const [full, empty, running] = [
      await makeEndpoint(store),
      await makeEndpoint(store),
      await makeEndpoint(store),
    ];
    await acceptOne(store, full);
    await acceptOne(store, running);
    await claimOne(store, running);
    assert.deepEqual(await findWaiting(store, [full, empty, running]), [full]);
  });

  test('one process does a sweep at a time, and another sweep is not held up', async () => {
    const rival = database.another();
    const entered = Promise.withResolvers<void>();
    const leave = Promise.withResolvers<void>();
    const first = inSweepTurn(store, 1, async () => {
      entered.resolve();
      await leave.promise;
    });
    await entered.promise;
    const never = () => assert.fail('the other one has its turn');
    assert.equal(await inSweepTurn(rival, 1, never), false);
    assert.equal(await inSweepTurn(rival, 2, async () => undefined), true);
    leave.resolve();
    assert.equal(await first, true);
    assert.equal(await inSweepTurn(rival, 1, async () => undefined), true);
  });

  test('a sweep that fails gives its turn back', async () => {
    const broken = inSweepTurn(store, 3, () => Promise.reject(new Error('broken')));
    await assert.rejects(broken, /broken/);
    // The server hears that the session ended a moment after the session did.
    const again = async (): Promise<boolean> =>
      (await inSweepTurn(database.another(), 3, async () => undefined)) || again();
    assert.equal(await again(), true);
  });

  test('leave no rule broken', async () => {
    assert.deepEqual(await checkInvariants(database.url), []);
  });
});
