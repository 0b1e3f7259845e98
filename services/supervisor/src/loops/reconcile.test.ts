import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { uuidOf } from '@switchyard/contracts';
import { openStore, type Store, StoreUnavailable } from '@switchyard/store';
import { ENDPOINT, newClaim, openHanding, WORKER } from '../hand-over-jobs.fixture.ts';
import { handBack, handOver } from '../hand-over-jobs.ts';
import { returnLostAssigns } from './reconcile.ts';

// Nothing connects to it: what is asked of it is answered here.
const closed = openStore({ url: 'postgres://127.0.0.1:9/none', applicationName: 'test' });
after(() => closed.close());

type Statement = Parameters<Store['run']>[0];

/** A supervisor whose database holds a lease of its worker and answers `requeue` as it does. */
const openSupervisor = (requeue: () => Promise<void>) => {
  const hidden = new Set<string>();
  const claim = newClaim();
  const lease = {
    ...{ endpoint_id: ENDPOINT, job_id: uuidOf(claim.jobId), worker_id: WORKER, claim_no: 1 },
  };
  const rows = <Row extends object>(row: object): Row[] => JSON.parse(JSON.stringify([row]));
  const store: Store = {
    ...closed,
    run: async <Row extends object>({ name }: Statement) =>
      hidden.has(name) ? [] : rows<Row>(lease),
    runPinned: async <Row extends object>() => {
      await requeue();
      return rows<Row>({ job_id: lease.job_id, hopeless: false });
    },
  };
  const { context, worker, stopper, handed } = openHanding(store);
  const give = () => handOver(context, ENDPOINT, [claim]);
  const reconcile = () =>
    returnLostAssigns({
      ...{ ...context, stopper },
      handOver: (id, claims) => handOver(context, id, claims),
      handBack: (id, claims) => handBack(context, id, claims),
    });
  /** Has one of its statements find nothing any more. */
  const hide = (name: string) => hidden.add(name);
  return { claim, worker, give, reconcile, handed, hide, claims: context.received };
};

test('an assign that comes while its job returns to the queue is dropped', async () => {
  const returning = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const { give, reconcile, handed } = openSupervisor(() => {
    begun.resolve();
    return returning.promise;
  });
  const reconciled = reconcile();
  await begun.promise;
  await give();
  assert.deepEqual(handed(), []);
  returning.resolve();
  await reconciled;
  await give();
  assert.deepEqual(handed(), []);
});

test('an assign that comes late is taken when its job could not be returned', async () => {
  const away = new StoreUnavailable('the database is away');
  const { give, reconcile, handed } = openSupervisor(() => Promise.reject(away));
  await assert.rejects(reconcile(), away);
  await give();
  assert.deepEqual(handed(), [1]);
});

test('an assign that comes long after its job was returned is dropped', async (t) => {
  let nowMs = 0;
  t.mock.method(performance, 'now', () => nowMs);
  const { give, reconcile, handed, hide, claims } = openSupervisor(async () => undefined);
  await reconcile();
  hide('find_leases_addressed_to');
  nowMs = 50_000;
  await reconcile();
  assert.equal(claims.size, 0, 'it does not count as received any more');
  await give();
  assert.deepEqual(handed(), []);
});

test('a job whose lease has ended is stopped, also where its worker says nothing', async () => {
  const { claim, worker, reconcile, hide } = openSupervisor(async () => undefined);
  hide('find_leases_addressed_to');
  worker.holds.set(claim.jobId, { claimNo: 1, hooked: false });
  await reconcile();
  assert.deepEqual([...worker.stops], [], 'it holds the lease');
  hide('find_held');
  worker.posting.set(claim.jobId, { hooked: false });
  await reconcile();
  assert.deepEqual([...worker.stops], [], 'its result is being stored');
  worker.posting.clear();
  await reconcile();
  assert.equal(worker.stops.get(claim.jobId)?.claimNo, 1);
  assert.equal(worker.holds.size, 0);
});
