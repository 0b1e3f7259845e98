import { randomUUID } from 'node:crypto';
import type { Broker } from '@switchyard/broker';
import {
  type CloudEvent,
  decodeFrame,
  type EndpointId,
  type JobId,
  PROGRESS_MAX_BYTES,
  ProgressSchema,
  parseEndpointId,
  parseJobId,
  parseWorkerId,
  topics,
  validator,
  type WorkerId,
} from '@switchyard/contracts';
import { createKeyedBatcher, type Metrics } from '@switchyard/runtime';
import { findHeld, type Store } from '@switchyard/store';

export interface ProgressPublisher {
  /** Takes the body of a progress hint and publishes it, if the job still runs there. */
  hear(body: Uint8Array): void;
  /** Resolves once nothing is under way. */
  idle(): Promise<void>;
}

type Context = {
  readonly store: Store;
  readonly broker: Pick<Broker, 'hint'>;
  readonly metrics: Metrics;
};

type Told = {
  readonly jobId: JobId;
  readonly workerId: WorkerId;
  /** RunPod's workers name none. */
  readonly claimNo: number | null;
  /** The worker's own JSON. */
  readonly output: Buffer;
};

const BATCH_MAX = 500;
const WAITING_MAX = 2_000;
const WAITING_MAX_BYTES = 16 * 1_048_576;

const check = validator(ProgressSchema);

/**
 * Publishes the progress of running jobs as events: at most once, without a sequence and not in the
 * log. What comes faster than it can be published is dropped.
 */
export const createProgressPublisher = ({ store, broker, metrics }: Context): ProgressPublisher => {
  const dropped = metrics.counter(
    'switchyard_progress_dropped_total',
    'Progress of workers that was not published, for want of room or of a database.',
  );
  const batcher = createKeyedBatcher<EndpointId, Told, boolean>({
    run: async (endpointId, batch) => {
      // A worker may tell of a job that it has lost, or that has ended.
      const held = await findHeld(store, endpointId, batch);
      const claims = new Map(held.map((lease) => [placeOf(lease), lease.claimNo]));
      return batch.map((told) => {
        const claimNo = claims.get(placeOf(told));
        const isHeld = claimNo !== undefined && (told.claimNo ?? claimNo) === claimNo;
        if (isHeld) {
          broker.hint(topics.event(endpointId, 'progress'), printEvent(endpointId, told, claimNo));
        }
        return isHeld;
      });
    },
    maxItems: BATCH_MAX,
    sizeOf: ({ output }) => output.length,
    queueMax: WAITING_MAX,
    queueMaxBytes: WAITING_MAX_BYTES,
    isPermanent: () => false,
  });
  return {
    hear: (body) => {
      const heard = read(body);
      if (heard === undefined) return;
      batcher.add(heard.endpointId, heard.told).catch(() => dropped.add(1));
    },
    idle: () => batcher.idle(),
  };
};

const placeOf = ({ jobId, workerId }: Pick<Told, 'jobId' | 'workerId'>): string =>
  `${workerId} ${jobId}`;

const read = (body: Uint8Array): { endpointId: EndpointId; told: Told } | undefined => {
  const frame = decodeFrame(body);
  const header = check(frame?.header);
  const output = frame?.bodies[0];
  if (!header.ok || output === undefined || output.length > PROGRESS_MAX_BYTES) return undefined;
  const endpointId = parseEndpointId(header.value.endpoint);
  const jobId = parseJobId(header.value.job);
  const workerId = parseWorkerId(header.value.worker);
  if (endpointId === undefined || jobId === undefined || workerId === undefined) return undefined;
  return { endpointId, told: { jobId, workerId, claimNo: header.value.claimNo, output } };
};

const printEvent = (
  endpointId: EndpointId,
  { jobId, workerId, output }: Told,
  claimNo: number,
): Buffer => {
  const event: CloudEvent = {
    specversion: '1.0',
    id: `${jobId}-progress-${randomUUID()}`,
    source: `/endpoints/${endpointId}`,
    type: 'switchyard.job.progress',
    subject: jobId,
    time: new Date().toISOString(),
    datacontenttype: 'application/json',
    data: { endpoint: endpointId, job: jobId, workerId, claimNo },
  };
  // The worker's own bytes at the end of `data`, which is the last key.
  const head = JSON.stringify(event).slice(0, -2);
  return Buffer.concat([Buffer.from(`${head},"output":`), output, Buffer.from('}}')]);
};
