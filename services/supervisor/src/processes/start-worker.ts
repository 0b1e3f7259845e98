import { randomBytes } from 'node:crypto';
import {
  type EndpointId,
  type InstanceId,
  parseWorkerId,
  type WorkerId,
} from '@switchyard/contracts';
import { createKey, deleteKey, newKey, type Store, touchWorkers } from '@switchyard/store';
import {
  environmentOfWorker,
  killAfterMsOf,
  type WorkerPlan,
  workingFolderOf,
} from './describe-worker.ts';
import { repeatWhileAway } from './repeat-while-away.ts';
import type { ProcessSpec } from './worker-host.ts';

export type StartContext = {
  readonly store: Store;
  readonly instance: InstanceId;
  /** Asked at each start: the port may be known only once the gateway listens. */
  readonly gatewayUrl: () => string;
  /** Where the `cwd` of a template begins. */
  readonly configDir: string;
};

/** Id and key of an incarnation, made before anything of it is stored. */
export type Incarnation = {
  readonly workerId: WorkerId;
  readonly keyId: string;
  readonly token: string;
  readonly hash: Buffer;
};

/** A new incarnation of a worker of `endpointId`; none has been before it. */
export const newIncarnation = (endpointId: EndpointId): Incarnation => {
  const workerId = parseWorkerId(`${endpointId}-${randomBytes(5).toString('hex')}`);
  if (workerId === undefined) throw new TypeError(`${endpointId} is an endpoint id`);
  const { keyId, key, hash } = newKey();
  return { workerId, keyId, token: key, hash };
};

/**
 * Stores the key of an incarnation and shows the worker as starting, and goes on trying while the
 * database is away. @returns false when `stop` aborted before that.
 */
export const admitWorker = (
  { store, instance }: StartContext,
  { endpointId, concurrency }: WorkerPlan,
  { workerId, keyId, hash }: Incarnation,
  stop: AbortSignal,
): Promise<boolean> => {
  let isFirst = true;
  return repeatWhileAway(async () => {
    // A try whose answer was lost may have stored it all the same.
    if (!isFirst) await deleteKey(store, keyId);
    isFirst = false;
    const name = `worker ${workerId}`;
    const rights = { scopes: ['worker'] as const, endpoints: [endpointId], expiresAt: null };
    await createKey(store, { keyId, hash, name, ...rights });
    const sign = { workerId, state: 'starting' as const, reason: null, slots: concurrency };
    await touchWorkers(store, endpointId, instance, [{ ...sign, inventory: undefined }]);
    return true;
  }, stop);
};

/** What a host needs to start an incarnation. */
export const specOf = (
  { gatewayUrl, configDir }: StartContext,
  plan: WorkerPlan,
  { workerId, keyId, token }: Incarnation,
): ProcessSpec => ({
  workerId,
  endpointId: plan.endpointId,
  command: plan.template.command,
  cwd: workingFolderOf(plan.template, configDir),
  env: environmentOfWorker(plan, { workerId, token, gatewayUrl: gatewayUrl() }),
  killAfterMs: killAfterMsOf(plan.template),
  keyId,
  shape: plan.shape,
});
