import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import {
  type InstanceId,
  newJobId,
  parseEndpointId,
  parseWorkerId,
  uuidOf,
} from '@switchyard/contracts';
import { createLog, createSealer } from '@switchyard/runtime';
import { openStore, type Store, StoreUnavailable } from '@switchyard/store';
import { createFinisher } from '../finish-jobs.ts';
import { type Claim, type HandOverContext, handBack, handOver } from '../hand-over-jobs.ts';
import { createWorkerBook } from '../track-workers.ts';
import { returnLostAssigns } from './reconcile.ts';

const endpointId = parseEndpointId('echo');
const workerId = parseWorkerId('one');
assert(endpointId !== undefined && workerId !== undefined);
// Nothing connects to it: what is asked of it is answered here.
const closed = openStore({ url: 'postgres://127.0.0.1:9/none', applicationName: 'test' });
after(() => closed.close());

const claim: Claim = {
  ...{ jobId: newJobId('async'), workerId, claimNo: 1, executionTimeoutMs: 60_000 },
  ...{ webhook: null, input: Buffer.from('1'), secret: undefined },
};
const leaseRow = {
  ...{ endpoint_id: endpointId, job_id: uuidOf(claim.jobId), worker_id: workerId, claim_no: 1 },
};

/** A supervisor with one worker, whose database holds a lease and answers `requeue` as it does. */
const openSupervisor = (requeue: () => Promise<void>) => {
  const rows = <Row extends object>(row: object): Row[] => JSON.parse(JSON.stringify([row]));
  const store: Store = {
    ...closed,
    run: async <Row extends object>() => rows<Row>(leaseRow),
    runPinned: async <Row extends object>() => {
      await requeue();
      return rows<Row>({ job_id: leaseRow.job_id, hopeless: false });
    },
  };
  const broker = { hint: () => undefined };
  const log = createLog({ level: 'error', service: 'test', instance: 'test' });
  const instance = 'test' as InstanceId;
  const workers = createWorkerBook(() => undefined);
  const worker = workers.see(endpointId, workerId);
  worker.free = 4;
  const context: HandOverContext = {
    ...{ store, broker, log, instance, workers, sealer: createSealer([Buffer.alloc(32)]) },
    finisher: createFinisher({ store, broker, log, instance }),
    received: new Map(),
    isStopped: () => false,
  };
  const give = () => handOver(context, endpointId, [claim]);
  const reconcile = () =>
    returnLostAssigns({
      ...context,
      handOver: (id, claims) => handOver(context, id, claims),
      handBack: (id, claims) => handBack(context, id, claims),
    });
  return { give, reconcile, handed: () => worker.mailbox.map(({ job }) => job.claimNo) };
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
