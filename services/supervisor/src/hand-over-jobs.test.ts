import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { type InstanceId, newJobId, parseEndpointId, parseWorkerId } from '@switchyard/contracts';
import { createLog, createSealer } from '@switchyard/runtime';
import { openStore } from '@switchyard/store';
import { createFinisher } from './finish-jobs.ts';
import { type HandOverContext, handOver } from './hand-over-jobs.ts';
import { createWorkerBook } from './track-workers.ts';

// Nothing connects to it: there is room for each job, and inputs come with their claims.
const store = openStore({ url: 'postgres://127.0.0.1:9/none', applicationName: 'test' });
after(() => store.close());

test('an assign that comes twice gives its worker the job once', async () => {
  const endpointId = parseEndpointId('echo');
  const workerId = parseWorkerId('one');
  assert(endpointId !== undefined && workerId !== undefined);
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
  const claim = {
    ...{ jobId: newJobId('async'), workerId, claimNo: 1, executionTimeoutMs: 60_000 },
    ...{ webhook: null, input: Buffer.from('1'), secret: undefined },
  };
  const handed = () => worker.mailbox.map(({ job }) => job.claimNo);

  await handOver(context, endpointId, [claim]);
  await handOver(context, endpointId, [claim]);
  assert.deepEqual(handed(), [1]);
  await handOver(context, endpointId, [{ ...claim, claimNo: 2 }]);
  assert.deepEqual(handed(), [1, 2]);
});
