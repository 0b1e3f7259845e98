import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { JobId } from '@switchyard/contracts';
import { readInputs, readStatuses, type Store, startDeliveries } from '@switchyard/store';
import { withStore } from '../support/store.ts';
import { accept, acceptOne, claimOne, finish, makeEndpoint } from './jobs.ts';

const database = await withStore();
const { store } = database;
after(() => database[Symbol.asyncDispose]());

const MIB = 1_048_576;

/** The store, and how many rows each of its statements brought. */
const counting = (): { store: Store; rows: number[] } => {
  const rows: number[] = [];
  const note = <Row>(found: Row[]): Row[] => {
    rows.push(found.length);
    return found;
  };
  return {
    rows,
    store: {
      ...store,
      run: async <Row extends object>(...asked: Parameters<Store['run']>) =>
        note(await store.run<Row>(...asked)),
    },
  };
};

test('inputs are read about 16 MiB at a time, and all of them', async () => {
  const endpointId = await makeEndpoint(store);
  const inputs = [9, 9, 9, 1].map((mib) => ({ input: Buffer.alloc(mib * MIB, 'x') }));
  const ids = [];
  // One by one, as bodies of this size are accepted.
  for (const input of inputs) ids.push(...(await accept(store, endpointId, input)));
  const counted = counting();
  const read = await readInputs(counted.store, endpointId, ids);
  assert.deepEqual(
    ids.map((jobId) => read.get(jobId)?.length),
    inputs.map(({ input }) => input.length),
  );
  assert.deepEqual(counted.rows, [2, 2]);
});

test('inputs that are gone are not asked for again', async () => {
  const endpointId = await makeEndpoint(store);
  const [there] = await accept(store, endpointId, {});
  const [gone] = await accept(store, await makeEndpoint(store), {});
  const counted = counting();
  const read = await readInputs(
    counted.store,
    endpointId,
    [there, gone].flatMap((id) => id ?? []),
  );
  assert.deepEqual([...read.keys()], [there]);
  assert.deepEqual(counted.rows, [1]);
});

test('statuses of several jobs come whole but for large results, which come alone', async () => {
  const endpointId = await makeEndpoint(store);
  const ids: JobId[] = [];
  for (const size of [10, 9 * MIB, 17 * MIB]) {
    ids.push(await acceptOne(store, endpointId));
    const job = await claimOne(store, endpointId);
    assert.ok(await finish(store, endpointId, job, 'COMPLETED', Buffer.alloc(size, 'x')));
  }
  const [small, large, largest] = ids;
  const seen = async (...asked: (JobId | undefined)[]) => {
    const found = await readStatuses(
      store,
      endpointId,
      asked.flatMap((id) => id ?? []),
    );
    return asked.map((id) => {
      const { state, output, isCut } = (id && found.get(id)) ?? assert.fail('it is found');
      return [state, output?.length, isCut];
    });
  };
  assert.deepEqual(await seen(small, large, largest), [
    ['COMPLETED', 10, false],
    ['COMPLETED', undefined, true],
    ['COMPLETED', undefined, true],
  ]);
  assert.deepEqual(await seen(large), [['COMPLETED', 9 * MIB, false]]);
  assert.deepEqual(await seen(largest), [['COMPLETED', 17 * MIB, false]]);
});

test('deliveries are begun about 16 MiB at a time, the longest due first', async () => {
  const endpointId = await makeEndpoint(store);
  const ids: JobId[] = [];
  for (const mib of [9, 9, 17, 1]) {
    ids.push(await acceptOne(store, endpointId, { webhook: 'https://example.com/hook' }));
    const job = await claimOne(store, endpointId);
    const output = Buffer.alloc(mib * MIB, 'x');
    assert.ok(await finish(store, endpointId, job, 'COMPLETED', output));
  }
  const begin = async () => {
    const started = await startDeliveries(store, endpointId, 10, { busy: new Map(), idle: 10 });
    return started.map(({ jobId, n }) => [ids.indexOf(jobId), n]).toSorted();
  };
  assert.deepEqual(await begin(), [
    [0, 1],
    [1, 1],
  ]);
  assert.deepEqual(await begin(), [[2, 1]]);
  assert.deepEqual(await begin(), [[3, 1]]);
  assert.deepEqual(await begin(), []);
});
