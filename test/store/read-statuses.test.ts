import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { type JobId, newJobId } from '@switchyard/contracts';
import { RANK } from '@switchyard/lifecycle';
import {
  cancelJobs,
  listRequests,
  readPosition,
  readStatuses,
  requeueJobs,
  retryJob,
} from '@switchyard/store';
import { withStore } from '../support/store.ts';
import { accept, acceptOne, claim, finish, makeEndpoint, PROCESS } from './jobs.ts';

const database = await withStore();
const { store } = database;
after(() => database[Symbol.asyncDispose]());

const CYCLES = 5_000;

describe('the status', () => {
  test(`of a job in motion is never missed, ${CYCLES} times round`, async () => {
    const endpointId = await makeEndpoint(store, { limits: { maxAttempts: 100 } });
    const ids = await accept(store, endpointId, ...Array<object>(50).fill({}));
    const reader = database.another();
    let cycles = 0;
    let looks = 0;
    const move = async (worker: string, takes: number): Promise<void> => {
      while (cycles < CYCLES) {
        const jobs = await claim(store, endpointId, takes, worker);
        cycles += jobs.length;
        const [back, ...done] = jobs;
        if (back === undefined) continue;
        const lost = await requeueJobs(store, endpointId, PROCESS, 'assign_lost', [back]);
        assert.equal(lost.requeued.length, 1);
        for (const job of done) {
          assert(await finish(store, endpointId, job, 'FAILED'));
          assert(await retryJob(store, endpointId, PROCESS, job.jobId));
        }
      }
    };
    const watch = async (): Promise<void> => {
      while (cycles < CYCLES) {
        // It throws for a job that is in no state.
        assert.equal((await readStatuses(reader, endpointId, ids)).size, ids.length);
        looks += 1;
      }
    };
    await Promise.all([move('a', 9), move('b', 14), watch(), watch()]);
    assert(looks > 100, `${looks} looks`);
  });

  test('of a job that is unknown or of another endpoint is none', async () => {
    const endpointId = await makeEndpoint(store);
    const elsewhere = await acceptOne(store, await makeEndpoint(store));
    const found = await readStatuses(store, endpointId, [elsewhere, newJobId('async')]);
    assert.equal(found.size, 0);
  });
});

describe('the position', () => {
  test('is the number of jobs before it, also within one batch', async () => {
    const endpointId = await makeEndpoint(store);
    const ids = await accept(store, endpointId, ...Array<object>(1_200).fill({}));
    const low = await acceptOne(store, endpointId, { rank: RANK.low });
    const positionOf = async (jobId: JobId | undefined): Promise<number> => {
      assert(jobId);
      const status = (await readStatuses(store, endpointId, [jobId])).get(jobId);
      const found = status ?? assert.fail('it is found');
      return (await readPosition(store, endpointId, found)).ahead;
    };
    for (const n of [0, 1, 2, 500, 999]) assert.equal(await positionOf(ids[n]), n);
    assert.equal(await positionOf(ids[1_100]), 1_000, 'beyond a thousand nobody counts');
    assert.equal(await positionOf(low), 1_000);
    await claim(store, endpointId, 3);
    assert.equal(await positionOf(ids[3]), 0);
    assert.equal(await positionOf(ids[0]), 0, 'what is not queued stands nowhere');
  });
});

describe('the list of requests', () => {
  test('pages through every job once, the newest first', async () => {
    const endpointId = await makeEndpoint(store);
    const ids = await accept(store, endpointId, ...Array<object>(25).fill({}));
    const seen: string[] = [];
    let after: string | null = null;
    const sizes: number[] = [];
    do {
      const page = await listRequests(store, endpointId, { after, limit: 10, status: null });
      seen.push(...page.requests.map(({ id }) => id));
      sizes.push(page.requests.length);
      after = page.cursor;
      // What comes in meanwhile is newer than every page that follows.
      await acceptOne(store, endpointId);
    } while (after !== null);
    assert.deepEqual(seen, ids.toReversed());
    assert.deepEqual(sizes, [10, 10, 5]);
  });

  test('ends at a page that is full to the brim', async () => {
    const endpointId = await makeEndpoint(store);
    await accept(store, endpointId, {}, {});
    const page = await listRequests(store, endpointId, { after: null, limit: 2, status: null });
    assert.deepEqual([page.requests.length, page.cursor], [2, null]);
  });

  test('tells and filters by state', async () => {
    const endpointId = await makeEndpoint(store);
    const [a, b, c, d] = await accept(store, endpointId, {}, {}, { rank: RANK.low }, {});
    assert(a && b && c && d);
    await cancelJobs(store, endpointId, PROCESS, [d]);
    const [first] = await claim(store, endpointId, 2);
    assert(first && (await finish(store, endpointId, first)));
    const states = new Map<string, string>([
      [a, 'COMPLETED'],
      [b, 'IN_PROGRESS'],
      [c, 'IN_QUEUE'],
      [d, 'CANCELLED'],
    ]);
    const all = await listRequests(store, endpointId, { after: null, limit: 10, status: null });
    for (const request of all.requests) {
      const { id, status, priority, workerId, delayTime, executionTime } = request;
      assert.equal(status, states.get(id));
      assert.equal(priority, id === c ? 'low' : 'high');
      const ran: boolean = id === a || id === b;
      assert.equal(workerId !== undefined, ran);
      assert.equal(delayTime !== undefined && executionTime !== undefined, ran);
    }
    for (const status of ['COMPLETED', 'IN_PROGRESS', 'IN_QUEUE', 'CANCELLED', 'FAILED'] as const) {
      const found = await listRequests(store, endpointId, { after: null, limit: 10, status });
      const wanted = [...states].flatMap(([id, state]) => (state === status ? [id] : []));
      assert.deepEqual(
        found.requests.map(({ id }) => id),
        wanted,
      );
    }
  });
});
