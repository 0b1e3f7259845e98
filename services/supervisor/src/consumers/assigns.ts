import type { Broker } from '@switchyard/broker';
import {
  type Assign,
  AssignSchema,
  decodeFrame,
  type EndpointId,
  type InstanceId,
  parseEndpointId,
  parseJobId,
  parseWorkerId,
  topics,
  validator,
} from '@switchyard/contracts';
import type { Log } from '@switchyard/runtime';
import type { Claim } from '../hand-over-jobs.ts';

const check = validator(AssignSchema);

export type AssignContext = {
  readonly broker: Broker;
  readonly log: Log;
  readonly instance: InstanceId;
  readonly hearAssign: (scheduler: InstanceId, k: number) => void;
  readonly handOver: (endpointId: EndpointId, claims: readonly Claim[]) => Promise<void>;
};

/** Hears claimed jobs from schedulers and hands them over. */
export const listenForAssigns = (context: AssignContext, stop: AbortSignal): Promise<void> =>
  context.broker.listen(
    topics.assign(context.instance),
    (message) => {
      const assign = readAssign(message.body);
      if (assign === undefined) {
        context.log.warn('an assign that is none was dropped');
        return;
      }
      context.hearAssign(assign.header.scheduler as InstanceId, assign.header.k);
      context
        .handOver(assign.endpointId, assign.claims)
        .catch((error: unknown) => context.log.warn({ err: error }, 'a hand-over was put off'));
    },
    stop,
  );

const readAssign = (
  body: Uint8Array,
): { header: Assign; endpointId: EndpointId; claims: Claim[] } | undefined => {
  const frame = decodeFrame(body);
  const header = frame && check(frame.header);
  if (frame === undefined || header === undefined || !header.ok) return undefined;
  const endpointId = parseEndpointId(header.value.endpoint);
  if (endpointId === undefined) return undefined;
  const claims = header.value.jobs.flatMap((job): Claim[] => {
    const jobId = parseJobId(job.job);
    const workerId = parseWorkerId(job.worker);
    if (jobId === undefined || workerId === undefined) return [];
    const { claimNo, executionTimeoutMs, webhook } = job;
    const input = job.body === undefined ? undefined : frame.bodies[job.body];
    const secret = job.secret === undefined ? undefined : frame.bodies[job.secret];
    return [{ jobId, workerId, claimNo, executionTimeoutMs, webhook, input, secret }];
  });
  return { header: header.value, endpointId, claims };
};
