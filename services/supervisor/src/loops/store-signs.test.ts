import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { type EndpointId, type InstanceId, newJobId, type WorkerId } from '@switchyard/contracts';
import { openStore, type Store, StoreUnavailable } from '@switchyard/store';
import { createStopper } from '../stop-jobs.ts';
import { createWorkerBook } from '../track-workers.ts';
import { storeSigns } from './store-signs.ts';

const ONE = 'one' as EndpointId;
const TWO = 'two' as EndpointId;
const WORKER = 'worker' as WorkerId;
const nothing = () => undefined;

// Nothing connects to it: what is asked of it is answered here.
const closed = openStore({ url: 'postgres://127.0.0.1:9/none', applicationName: 'test' });
after(() => closed.close());

/** A supervisor whose database answers by `run`, with a worker of each of two endpoints. */
const openSigns = (run: (name: string, endpointId: unknown) => Promise<void>) => {
  const asked: string[] = [];
  const store: Store = {
    ...closed,
    run: async ({ name }, values) => {
      asked.push(`${name} ${values[0]}`);
      await run(name, values[0]);
      return [];
    },
  };
  const workers = createWorkerBook(nothing, nothing);
  const [one, two] = [workers.see(ONE, WORKER), workers.see(TWO, WORKER)];
  const ended: string[] = [];
  const stopper = createStopper(workers, (workerId) => ended.push(workerId));
  let stored = 0;
  const owned = new Set<string>();
  const processes = { owns: (workerId: string) => owned.has(workerId) };
  const instance = 'test' as InstanceId;
  const look = () =>
    storeSigns({ store, instance, workers, stopper, processes }, () => {
      stored += 1;
    });
  return { one, two, workers, stopper, owned, ended, look, asked, storedCount: () => stored };
};

test('what fails for one endpoint is done for the others, and old things go', async () => {
  const refusal = new Error('invalid byte sequence');
  const signs = openSigns(async (_name, endpointId) => {
    if (endpointId === ONE) throw refusal;
  });
  const silent = signs.workers.see(TWO, 'silent' as WorkerId);
  silent.seenAtMs = Number.NEGATIVE_INFINITY;

  await assert.rejects(signs.look(), refusal);
  assert.deepEqual(signs.asked, ['touch_workers one', 'touch_workers two']);
  assert.equal(signs.workers.find(TWO, 'silent' as WorkerId), undefined);
  assert.equal(signs.storedCount(), 1, 'what fails for a reason that stays hurts only itself');
});

test('all signs are stored before anyone looks what their workers hold', async () => {
  const signs = openSigns(async () => undefined);
  for (const worker of [signs.one, signs.two]) worker.inventory = [newJobId('async')];

  await signs.look();
  const names = ['touch_workers', 'find_held'];
  assert.deepEqual(
    signs.asked,
    names.flatMap((name) => [`${name} one`, `${name} two`]),
  );
  assert.equal(signs.storedCount(), 1);
});

test('signs that meet a database that is away do not count as stored', async () => {
  const away = new StoreUnavailable('the database is away');
  const signs = openSigns(() => Promise.reject(away));
  await assert.rejects(signs.look(), away);
  assert.equal(signs.storedCount(), 0);
});

test('a job counts as listed without a lease only as long as it is listed', async (t) => {
  let nowMs = 0;
  t.mock.method(performance, 'now', () => nowMs);
  const { one, look } = openSigns(async () => undefined);
  const jobId = newJobId('async');
  const list = async (atMs: number, jobs: readonly (typeof jobId)[]) => {
    nowMs = atMs;
    one.inventory = jobs;
    await look();
    return one.stops.has(jobId);
  };
  assert.equal(await list(0, [jobId]), false);
  assert.equal(await list(5_000, []), false);
  assert.equal(one.suspects.size, 0);
  assert.equal(await list(10_000, [jobId]), false, 'it may have been handed over just now');
  assert.equal(await list(15_000, [jobId]), true);
});

test('a worker that goes on listing a job that it does not hold is ended', async (t) => {
  let nowMs = 0;
  t.mock.method(performance, 'now', () => nowMs);
  const broken = new Error('no such endpoint');
  const { one, two, look, ended } = openSigns(async (_name, endpointId) => {
    if (endpointId === TWO) throw broken;
  });
  const jobId = newJobId('async');
  for (; ended.length === 0 && nowMs < 60_000; nowMs += 1_000) {
    if (nowMs % 5_000 === 0) one.inventory = [jobId];
    two.inventory = [];
    await assert.rejects(look(), broken);
  }
  assert.deepEqual(ended, [WORKER]);
  assert.ok(nowMs > 20_000, `it has 15 s from its stop, which comes at the second look: ${nowMs}`);
});

test('a worker whose process is alive here counts as seen while it says nothing', async (t) => {
  let nowMs = 0;
  t.mock.method(performance, 'now', () => nowMs);
  const { workers, asked, look, owned } = openSigns(async () => undefined);
  owned.add(WORKER);
  const silent = 'silent' as WorkerId;
  workers.see(ONE, silent);
  for (const atMs of [0, 60_000, 120_001]) {
    nowMs = atMs;
    asked.length = 0;
    await look();
    assert.deepEqual(asked, ['touch_workers one', 'touch_workers two']);
  }
  assert.ok(workers.find(ONE, WORKER));
  assert.equal(workers.find(ONE, silent), undefined, 'a remote one is forgotten');
  owned.clear();
  nowMs = 130_000;
  asked.length = 0;
  await look();
  assert.deepEqual(asked, [], 'its process is gone');
});

test('a request that is held is a sign of life for a while only', async (t) => {
  let nowMs = 1_000;
  t.mock.method(performance, 'now', () => nowMs);
  const { one, workers, look } = openSigns(async () => undefined);
  workers.see(ONE, WORKER);
  one.wakeExchange = nothing;
  for (const [atMs, seenAtMs] of [
    [6_000, 6_000],
    [7_000, 6_000],
  ] as const) {
    nowMs = atMs;
    await look();
    assert.equal(one.seenAtMs, seenAtMs);
  }
});
