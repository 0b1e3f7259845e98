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

/** A supervisor whose database holds a lease of its worker and answers `requeue` as it does. */
const openSupervisor = (requeue: () => Promise<void>) => {
  const claim = newClaim();
  const lease = {
    ...{ endpoint_id: ENDPOINT, job_id: uuidOf(claim.jobId), worker_id: WORKER, claim_no: 1 },
  };
  const rows = <Row extends object>(row: object): Row[] => JSON.parse(JSON.stringify([row]));
  const store: Store = {
    ...closed,
    run: async <Row extends object>() => rows<Row>(lease),
    runPinned: async <Row extends object>() => {
      await requeue();
      return rows<Row>({ job_id: lease.job_id, hopeless: false });
    },
  };
  const { context, handed } = openHanding(store);
  const give = () => handOver(context, ENDPOINT, [claim]);
  const reconcile = () =>
    returnLostAssigns({
      ...context,
      handOver: (id, claims) => handOver(context, id, claims),
      handBack: (id, claims) => handBack(context, id, claims),
    });
  return { give, reconcile, handed };
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
