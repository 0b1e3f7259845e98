import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { type JobId, uuidOf } from '@switchyard/contracts';
import { RANK } from '@switchyard/lifecycle';
import {
  claimJobs,
  expireJobs,
  findEarlier,
  pauseEndpoint,
  readStatuses,
  requeueJobs,
  touchWorkers,
  updateEndpoint,
} from '@switchyard/store';
import { checkInvariants } from '../support/invariants.ts';
import { withStore } from '../support/store.ts';
import {
  accept,
  acceptOne,
  claim,
  claimOne,
  finish,
  INSTANCE,
  makeEndpoint,
  PROCESS,
  seats,
} from './jobs.ts';

const database = await withStore();
const { store, sql } = database;
after(() => database[Symbol.asyncDispose]());

const moveDeadline = (jobId: JobId, by: string): Promise<object[]> =>
  sql(`update queue set deadline_at = deadline_at + interval '${by}' where job_id = $1`, [
    uuidOf(jobId),
  ]);

describe('the order of claims', () => {
  test('is rank, then the nearest deadline, then first come', async () => {
    const endpointId = await makeEndpoint(store);
    const [a, b, c, d, e] = await accept(
      store,
      endpointId,
      { rank: RANK.low, ttlMs: 10_000 },
      { rank: RANK.high, ttlMs: 60_000 },
      { rank: RANK.high, ttlMs: 60_000 },
      { rank: RANK.high, ttlMs: 20_000 },
      { rank: RANK.lowReturned },
    );
    const f = await acceptOne(store, endpointId, { rank: RANK.highReturned });
    const order: JobId[] = [];
    for (let n = 0; n < 6; n += 1) order.push((await claimOne(store, endpointId)).jobId);
    assert.deepEqual(order, [f, d, b, c, e, a]);
  });

  test('gives the low ones only the seats that the high ones leave', async () => {
    const endpointId = await makeEndpoint(store);
    const low = await acceptOne(store, endpointId, { rank: RANK.low });
    const high = await accept(store, endpointId, {}, {}, {});
    const first = await claim(store, endpointId, 3);
    assert.deepEqual(new Set(first.map(({ jobId }) => jobId)), new Set(high));
    await accept(store, endpointId, {});
    const rest = await claim(store, endpointId, 3);
    assert.equal(rest.length, 2);
    assert(rest.some(({ jobId }) => jobId === low));
  });

  test('begins where it is told to, but for jobs that came back', async () => {
    const endpointId = await makeEndpoint(store);
    const ttls = [{ ttlMs: 20_000 }, { ttlMs: 60_000 }];
    const [, later] = await accept(store, endpointId, ...ttls);
    const low = ttls.map((ttl) => ({ ...ttl, rank: RANK.low }));
    const [, lowLater] = await accept(store, endpointId, ...low);
    const back = await acceptOne(store, endpointId, { ttlMs: 10_000, rank: RANK.highReturned });
    const fromMs = Date.now() + 40_000;
    const from = { highMs: fromMs, lowMs: fromMs };
    const look = () => claimJobs(store, endpointId, PROCESS, seats(9), false, from);
    const claimed = await look();
    const ids = claimed.map(({ jobId }) => jobId);
    assert.deepEqual(new Set(ids), new Set([back, later, lowLater]));
    const one = claimed.find(({ jobId }) => jobId === later);
    const [kept] = await sql<{ ms: number }>(
      `select extract(epoch from started_at)::float8 * 1000 + ttl_left_ms as ms
       from leases where job_id = $1`,
      [uuidOf(later ?? assert.fail())],
    );
    assert(one && kept && Math.abs(one.deadlineMs - kept.ms) <= 1, 'its deadline is told');
    assert.equal((await claim(store, endpointId, 9)).length, 2);
  });

  test('what it passes over by that is found, the earliest of each priority', async () => {
    const endpointId = await makeEndpoint(store);
    const atMs = Date.now();
    const ttls = [{ ttlMs: 90_000 }, { ttlMs: 30_000 }, { ttlMs: 20_000 }];
    await accept(store, endpointId, ...ttls);
    await acceptOne(store, endpointId, { ttlMs: 10_000, rank: RANK.highReturned });
    const none = { highMs: undefined, lowMs: undefined };
    const look = (fromMs: number) =>
      findEarlier(store, endpointId, { highMs: fromMs, lowMs: fromMs });
    assert.deepEqual(await look(atMs + 15_000), none, 'a job that came back is not passed over');
    const found = await look(atMs + 60_000);
    assert(found.highMs && Math.abs(found.highMs - atMs - 20_000) < 5_000, `${found.highMs}`);
    assert.equal(found.lowMs, undefined);
    const low = await acceptOne(store, endpointId, { ttlMs: 40_000, rank: RANK.low });
    assert.notEqual((await look(atMs + 60_000)).lowMs, undefined, low);
    assert.deepEqual(await findEarlier(store, endpointId, none), none);
    const claimed = await claimJobs(store, endpointId, PROCESS, seats(9), false, found);
    assert.equal(claimed.length, 5, 'a claim from there finds all');
  });

  test('seats each worker as often as it is named', async () => {
    const endpointId = await makeEndpoint(store);
    await accept(store, endpointId, ...Array<object>(5).fill({}));
    const named = [...seats(2, 'a'), ...seats(1, 'b'), ...seats(2, 'c')];
    const claimed = await claimJobs(store, endpointId, PROCESS, named, false);
    const count = (worker: string) => claimed.filter((job) => job.workerId === worker).length;
    assert.deepEqual([count('a'), count('b'), count('c')], [2, 1, 2]);
    assert(claimed.every((job) => job.claimNo === 1 && job.instance === INSTANCE));
  });
});

describe('a claim gives nothing', () => {
  test('past the deadline, which the sweep then tells', async () => {
    const endpointId = await makeEndpoint(store);
    const [late, due] = await accept(store, endpointId, {}, {});
    assert(late && due);
    await moveDeadline(late, '-2 days');
    assert.deepEqual(
      (await claim(store, endpointId, 5)).map(({ jobId }) => jobId),
      [due],
    );
    assert.deepEqual(await expireJobs(store, endpointId, PROCESS, RANK.high), [late]);
  });

  test('of a paused endpoint, of another one, or without a seat', async () => {
    const [endpointId, other] = [await makeEndpoint(store), await makeEndpoint(store)];
    await acceptOne(store, endpointId);
    await sql('update endpoints set paused = true where endpoint_id = $1', [endpointId]);
    assert.deepEqual(await claim(store, endpointId, 5), []);
    await sql('update endpoints set paused = false where endpoint_id = $1', [endpointId]);
    assert.deepEqual(await claim(store, other, 5), []);
    assert.deepEqual(await claim(store, endpointId, 0), []);
    assert.equal((await claim(store, endpointId, 5)).length, 1);
  });

  test('that ran before to a worker that still lists it', async () => {
    const endpointId = await makeEndpoint(store);
    const jobId = await acceptOne(store, endpointId);
    const { claimNo } = await claimOne(store, endpointId, 'zombie');
    await requeueJobs(store, endpointId, PROCESS, 'worker_lost', [{ jobId, claimNo }]);
    const [sign] = seats(1, 'zombie').map(({ workerId }) => ({
      ...{ workerId, state: 'live' as const, reason: null, slots: 1 },
    }));
    assert(sign);
    await touchWorkers(store, endpointId, INSTANCE, [{ ...sign, inventory: [jobId] }]);
    assert.deepEqual(await claim(store, endpointId, 3, 'zombie'), []);
    const status = (await readStatuses(store, endpointId, [jobId])).get(jobId);
    assert.equal(status?.state, 'IN_QUEUE');
    const elsewhere = await claimOne(store, endpointId, 'other');
    assert.deepEqual([elsewhere.jobId, elsewhere.claimNo], [jobId, 2]);

    await requeueJobs(store, endpointId, PROCESS, 'worker_lost', [{ jobId, claimNo: 2 }]);
    await touchWorkers(store, endpointId, INSTANCE, [{ ...sign, inventory: [] }]);
    assert.equal((await claimOne(store, endpointId, 'zombie')).claimNo, 3);
  });
});

describe('a job that a worker may not have', () => {
  /** An endpoint whose first job came back from `zombie`, which still lists it. */
  const returned = async () => {
    const endpointId = await makeEndpoint(store);
    const jobId = await acceptOne(store, endpointId);
    const { claimNo, workerId } = await claimOne(store, endpointId, 'zombie');
    await requeueJobs(store, endpointId, PROCESS, 'worker_lost', [{ jobId, claimNo }]);
    await touchWorkers(store, endpointId, INSTANCE, [
      { workerId, state: 'live', reason: null, slots: 1, inventory: [jobId] },
    ]);
    return { endpointId, jobId };
  };

  test('holds up no job behind it', async () => {
    const { endpointId } = await returned();
    const next = await accept(store, endpointId, {}, {});
    const claimed = await claim(store, endpointId, 2, 'zombie');
    assert.deepEqual(
      claimed.map(({ jobId }) => jobId),
      next,
    );
  });

  test('goes to another in the same claim, whoever is named first', async () => {
    for (const names of [
      ['zombie', 'other'],
      ['other', 'zombie'],
    ]) {
      const { endpointId, jobId } = await returned();
      const named = names.flatMap((name) => seats(1, name));
      const claimed = await claimJobs(store, endpointId, PROCESS, named, false);
      assert.deepEqual(
        claimed.map((job) => [job.jobId, job.workerId]),
        [[jobId, 'other']],
      );
    }
  });
});

describe('rivals', () => {
  test('40 of them over 890 jobs get 890 distinct ones', async () => {
    const endpointId = await makeEndpoint(store);
    const ids = await accept(store, endpointId, ...Array<object>(890).fill({}));
    const stores = Array.from({ length: 4 }, () => database.another({ pinnedConnections: 10 }));
    const got: JobId[] = [];
    const rival = async (n: number): Promise<void> => {
      for (;;) {
        const of = stores[n % stores.length] ?? store;
        const named = seats(1 + (n % 7), `w-${n}`);
        const claimed = await claimJobs(of, endpointId, `p-${n}`, named, false);
        got.push(...claimed.map(({ jobId }) => jobId));
        if (claimed.length === 0) return;
      }
    };
    await Promise.all(Array.from({ length: 40 }, (_, n) => rival(n)));
    assert.equal(got.length, ids.length);
    assert.deepEqual(new Set(got), new Set(ids));
  });

  test('20 of them keep maxConcurrent exactly', async () => {
    const endpointId = await makeEndpoint(store, { limits: { maxConcurrent: 7 } });
    await accept(store, endpointId, ...Array<object>(60).fill({}));
    const rivals = database.another({ pinnedConnections: 20 });
    let taken = 0;
    while (taken < 60) {
      const rounds = await Promise.all(
        Array.from({ length: 20 }, (_, n) =>
          claimJobs(rivals, endpointId, `p-${n}`, seats(3, `w-${n}`), true),
        ),
      );
      const jobs = rounds.flat();
      const [row] = await sql<{ running: string }>(
        'select count(*) as running from leases where endpoint_id = $1',
        [endpointId],
      );
      assert.equal(Number(row?.running), jobs.length);
      assert.equal(jobs.length, Math.min(7, 60 - taken));
      for (const job of jobs) assert(await finish(store, endpointId, job));
      taken += jobs.length;
    }
  });

  test('a limit that is lowered below what runs lets nothing more run', async () => {
    const endpointId = await makeEndpoint(store);
    await accept(store, endpointId, {}, {}, {}, {});
    const [first] = await claim(store, endpointId, 3);
    await updateEndpoint(store, endpointId, (now) => ({
      ...now,
      limits: { ...now.limits, maxConcurrent: 2 },
    }));
    const again = () => claimJobs(store, endpointId, PROCESS, seats(5), true);
    assert.deepEqual(await again(), []);
    assert(first && (await finish(store, endpointId, first)));
    assert.deepEqual(await again(), []);
  });

  test('that do not take their turn get nothing of an endpoint that was limited', async () => {
    const endpointId = await makeEndpoint(store, { limits: { maxConcurrent: 3 } });
    await accept(store, endpointId, {}, {});
    assert.deepEqual(await claim(store, endpointId, 2), []);
    assert.equal((await claimJobs(store, endpointId, PROCESS, seats(2), true)).length, 2);
  });

  test('get nothing while the endpoint is paused', async () => {
    const endpointId = await makeEndpoint(store);
    await accept(store, endpointId, {}, {});
    assert.equal((await pauseEndpoint(store, endpointId, true))?.paused, true);
    assert.deepEqual(await claim(store, endpointId, 2), []);
    assert.equal((await pauseEndpoint(store, endpointId, false))?.paused, false);
    assert.equal((await claim(store, endpointId, 2)).length, 2);
  });

  test('leave no rule broken', async () => {
    assert.deepEqual(await checkInvariants(database.url), []);
  });
});
