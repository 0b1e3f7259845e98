import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { acceptJobs, deleteEndpoint, StoreUnavailable } from '@switchyard/store';
import { withStore } from '../support/store.ts';
import { tablesWith, writeHistory } from './history.ts';
import { acceptOne, keyed, makeEndpoint, newJob, PROCESS } from './jobs.ts';

const database = await withStore();
const { store, sql, another } = database;
after(() => database[Symbol.asyncDispose]());

const ROUNDS = 200;
const STEPS = 25;

describe('an endpoint that is deleted while jobs come in', () => {
  test('keeps its jobs or takes none: no job is without its endpoint', async () => {
    const counts = { deleted: 0, busy: 0, stored: 0, noEndpoint: 0 };
    for (let round = 0; round < ROUNDS; round += 1) {
      const endpointId = await makeEndpoint(store);
      // Each a statement later than in the round before, so that they meet at every step.
      const accept = async (job = {}) => {
        for (let n = 0; n < round % STEPS; n += 1) await sql('select 1');
        return acceptJobs(store, endpointId, PROCESS, 'http', [newJob(job)]);
      };
      const [outcome, ...stored] = await Promise.all([
        deleteEndpoint(store, endpointId),
        accept(),
        accept({ idempotency: keyed('k') }),
      ]);
      assert.notEqual(outcome, 'missing');
      if (outcome !== 'missing') counts[outcome] += 1;
      for (const one of stored) counts[one === 'all' ? 'stored' : 'noEndpoint'] += 1;
    }
    const lost = await sql(`select from queue
      where not exists (select from endpoints where endpoints.endpoint_id = queue.endpoint_id)`);
    assert.deepEqual(lost, []);
    assert(counts.deleted > 0 && counts.busy > 0, JSON.stringify(counts));
  });

  test('waits for an accept under way, and then has a job, and its history too', async () => {
    const endpointId = await makeEndpoint(store);
    await writeHistory(database, endpointId, 1);
    const history = await tablesWith(database, endpointId);
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const { promise: held, resolve: hold } = Promise.withResolvers<void>();
    // An accept between its statement and its commit.
    const accepting = store.inTransaction('plain', async (run) => {
      await acceptOne({ ...store, run }, endpointId);
      hold();
      await released;
    });
    await held;
    let isOver = false;
    const deleting = deleteEndpoint(store, endpointId).finally(() => {
      isOver = true;
    });
    const waits = `select from pg_locks where not granted and relation = 'queue'::regclass`;
    while (!isOver && (await sql(waits)).length === 0);
    release();
    await accepting;
    assert.equal(await deleting, 'busy');
    const kept = new Set(await tablesWith(database, endpointId));
    assert.deepEqual(
      history.filter((table) => !kept.has(table)),
      [],
    );
    assert(!kept.has('deleted_endpoints'));
  });

  test('is left as it is where the queue cannot be had, and the caller may try again', async () => {
    const endpointId = await makeEndpoint(store);
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const { promise: held, resolve: hold } = Promise.withResolvers<void>();
    const other = await makeEndpoint(store);
    const accepting = another().inTransaction('plain', async (run) => {
      await acceptOne({ ...store, run }, other);
      hold();
      await released;
    });
    await held;
    await assert.rejects(deleteEndpoint(store, endpointId), StoreUnavailable);
    release();
    await accepting;
    assert.equal(await deleteEndpoint(store, endpointId), 'deleted');
  });
});
