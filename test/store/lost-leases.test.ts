import assert from 'node:assert/strict';
import { after, beforeEach, describe, test } from 'node:test';
import { type EndpointId, type InstanceId, type JobId, parseWorkerId } from '@switchyard/contracts';
import {
  beatSupervisor,
  findHeld,
  findLeasesAddressedTo,
  findLeasesOfWorker,
  findLostLeases,
  forgetLostWorkers,
  forgetWorker,
  touchWorkers,
} from '@switchyard/store';
import { withStore } from '../support/store.ts';
import { accept, acceptOne, claim, claimOne, INSTANCE, makeEndpoint, WORKER } from './jobs.ts';

const database = await withStore();
const { store, sql } = database;
after(() => database[Symbol.asyncDispose]());

let endpointId: EndpointId;
let jobId: JobId;

/** A worker with one lease, heard of just now, and a supervisor that has listened for long. */
beforeEach(async () => {
  await sql('delete from leases');
  await sql('delete from supervisors');
  endpointId = await makeEndpoint(store);
  jobId = await acceptOne(store, endpointId);
  await claimOne(store, endpointId);
  await hear([jobId]);
  await beatSupervisor(store, INSTANCE, 'host', 1);
  await sql(`update supervisors set beating_since = now() - interval '1 hour'`);
});

const hear = (inventory: readonly JobId[] | undefined) =>
  touchWorkers(store, endpointId, INSTANCE, [
    { workerId: WORKER, state: 'live', reason: null, slots: 1, inventory },
  ]);

const age = (table: 'workers' | 'leases', column: string, seconds: number) =>
  sql(`update ${table} set ${column} = now() - interval '${seconds} s' where endpoint_id = $1`, [
    endpointId,
  ]);

const lost = async (): Promise<string[]> =>
  (await findLostLeases(store)).map((lease) => {
    assert.deepEqual([lease.jobId, lease.endpointId, lease.claimNo], [jobId, endpointId, 1]);
    return lease.reason;
  });

describe('a silent worker', () => {
  test('is lost after 30 s in which it could have been heard', async () => {
    await age('leases', 'started_at', 100);
    await age('workers', 'seen_at', 29);
    assert.deepEqual(await lost(), []);
    await age('workers', 'seen_at', 31);
    assert.deepEqual(await lost(), ['worker_lost']);
  });

  test('is not lost before some supervisor has listened for 30 s without a break', async () => {
    await age('leases', 'started_at', 100);
    await age('workers', 'seen_at', 90);
    for (const seconds of [0, 10, 29]) {
      await sql(`update supervisors set beating_since = now() - interval '${seconds} s'`);
      assert.deepEqual(await lost(), [], `listening for ${seconds} s`);
    }
    await sql(`update supervisors set beating_since = now() - interval '31 s'`);
    assert.deepEqual(await lost(), ['worker_lost']);
  });

  test('is not lost while no supervisor listens at all', async () => {
    await age('leases', 'started_at', 100);
    await age('workers', 'seen_at', 90);
    await sql(`update supervisors set last_beat_at = now() - interval '6 s'`);
    assert.deepEqual(await lost(), []);
    await sql('delete from supervisors');
    assert.deepEqual(await lost(), []);
  });

  test('begins to listen anew after a pause of the beat, another supervisor or not', async () => {
    await age('leases', 'started_at', 100);
    await age('workers', 'seen_at', 90);
    await sql(`update supervisors set last_beat_at = now() - interval '6 s'`);
    await beatSupervisor(store, INSTANCE, 'host', 1);
    assert.deepEqual(await lost(), [], 'its unbroken run began now');
    const other = 'instance-2' as InstanceId;
    await beatSupervisor(store, other, 'host', 2);
    assert.deepEqual(await lost(), []);
    await sql(
      `update supervisors set beating_since = now() - interval '31 s' where instance = $1`,
      [other],
    );
    assert.deepEqual(await lost(), ['worker_lost']);
    await beatSupervisor(store, other, 'host', 2);
    assert.deepEqual(await lost(), ['worker_lost'], 'a beat in time leaves the run unbroken');
  });

  test('that nobody ever heard of is counted from the hand-over', async () => {
    await forgetWorker(store, endpointId, WORKER);
    await age('leases', 'started_at', 29);
    assert.deepEqual(await lost(), []);
    await age('leases', 'started_at', 31);
    assert.deepEqual(await lost(), ['worker_lost']);
  });

  test('that got the job just now is given its time, however long it was silent', async () => {
    await age('workers', 'seen_at', 500);
    assert.deepEqual(await lost(), []);
  });
});

describe('a worker that no longer lists a job', () => {
  test('has lost its result once two inventories after the claim are without it', async () => {
    await hear([]);
    await hear([]);
    await age('leases', 'started_at', 100);
    await age('workers', 'former_inventory_at', 90);
    assert.deepEqual(await lost(), ['result_lost']);
  });

  test('may still have it: an inventory with it, or one that is older than the lease', async () => {
    await age('leases', 'started_at', 100);
    await hear([]);
    assert.deepEqual(await lost(), [], 'the former inventory lists it');
    await hear([jobId]);
    assert.deepEqual(await lost(), [], 'the last one does');
    await hear([]);
    await hear([]);
    await age('leases', 'started_at', 89);
    await age('workers', 'former_inventory_at', 90);
    assert.deepEqual(await lost(), [], 'the lease is newer than the inventory');
    await age('leases', 'started_at', 91);
    assert.deepEqual(await lost(), [], 'within two seconds the order is not certain');
  });

  test('says nothing by a sign of life without an inventory', async () => {
    await age('leases', 'started_at', 100);
    for (let n = 0; n < 3; n += 1) await hear(undefined);
    assert.deepEqual(await lost(), []);
  });
});

describe('leases', () => {
  test('are found by their worker, their listing and their address', async () => {
    await accept(store, endpointId, {}, {});
    const [second] = await claim(store, endpointId, 1, 'worker-2');
    assert(second);
    const ofWorker = await findLeasesOfWorker(store, endpointId, WORKER);
    assert.deepEqual(ofWorker, [{ endpointId, jobId, workerId: WORKER, claimNo: 1 }]);
    const other = parseWorkerId('worker-2') ?? assert.fail('is an id');
    const listed = [
      { workerId: WORKER, jobId },
      { workerId: other, jobId },
      { workerId: WORKER, jobId: second.jobId },
    ];
    assert.deepEqual(await findHeld(store, endpointId, listed), ofWorker);
    assert.deepEqual(await findHeld(store, await makeEndpoint(store), listed), []);

    assert.deepEqual(await findLeasesAddressedTo(store, INSTANCE, 2_000), []);
    await sql(`update leases set started_at = now() - interval '3 s' where worker_id = $1`, [
      WORKER,
    ]);
    assert.deepEqual(await findLeasesAddressedTo(store, INSTANCE, 2_000), ofWorker);
    assert.deepEqual(await findLeasesAddressedTo(store, 'other' as InstanceId, 0), []);
  });

  test('keep a silent worker in memory; without one it is forgotten after an hour', async () => {
    const count = async () =>
      (await sql('select from workers where endpoint_id = $1', [endpointId])).length;
    await age('workers', 'seen_at', 3_700);
    await forgetLostWorkers(store);
    assert.equal(await count(), 1);
    await sql('delete from leases');
    await age('workers', 'seen_at', 3_500);
    await forgetLostWorkers(store);
    assert.equal(await count(), 1);
    await age('workers', 'seen_at', 3_700);
    await forgetLostWorkers(store);
    assert.equal(await count(), 0);
  });
});
