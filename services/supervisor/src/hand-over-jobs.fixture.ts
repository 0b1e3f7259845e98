import {
  type EndpointId,
  type InstanceId,
  newJobId,
  parseEndpointId,
  parseWorkerId,
  type WorkerId,
} from '@switchyard/contracts';
import { createLog, createSealer } from '@switchyard/runtime';
import type { Store } from '@switchyard/store';
import { createFinisher } from './finish-jobs.ts';
import type { Claim, HandOverContext } from './hand-over-jobs.ts';
import { createStopper } from './stop-jobs.ts';
import { createWorkerBook } from './track-workers.ts';

export const ENDPOINT = parseEndpointId('echo') as EndpointId;
export const WORKER = parseWorkerId('one') as WorkerId;

/** A claim whose input came with it. */
export const newClaim = (): Claim => ({
  ...{ jobId: newJobId('async'), workerId: WORKER, claimNo: 1, executionTimeoutMs: 60_000 },
  ...{ webhook: null, input: Buffer.from('1'), secret: undefined },
});

/** A supervisor with room for four jobs, and the numbers of the claims that its worker has. */
export const openHanding = (store: Store) => {
  const broker = { hint: () => undefined };
  const log = createLog({ level: 'error', service: 'test', instance: 'test' });
  const instance = 'test' as InstanceId;
  const workers = createWorkerBook(
    () => undefined,
    () => undefined,
  );
  const worker = workers.see(ENDPOINT, WORKER);
  worker.free = 4;
  const stopper = createStopper(workers, () => undefined);
  const context: HandOverContext = {
    ...{ store, broker, log, instance, workers, sealer: createSealer([Buffer.alloc(32)]) },
    finisher: createFinisher({ store, broker, log, instance }),
    received: new Map(),
    stopper,
  };
  return { context, worker, stopper, handed: () => worker.mailbox.map(({ job }) => job.claimNo) };
};
