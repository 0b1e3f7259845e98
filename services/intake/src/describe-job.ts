import type { Endpoint, JobDelivery, JobDetail, SwitchyardStatus } from '@switchyard/contracts';
import { priorityOf } from '@switchyard/lifecycle';
import type { AskedJob, JobStatus, LoggedEvent } from '@switchyard/store';
import { describeHistory } from './describe-history.ts';

export type JobParts = {
  readonly endpoint: Endpoint;
  readonly asked: AskedJob;
  readonly status: JobStatus;
  readonly waiting: SwitchyardStatus['waiting'];
  readonly events: readonly LoggedEvent[];
  readonly deliveries: readonly JobDelivery[];
};

const ERROR_SHOWN_MAX = 4_000;

/** All that an operator is told of one job; of its payloads only why it failed. */
export const describeJob = (parts: JobParts): JobDetail => {
  const { endpoint, asked, status, waiting, events, deliveries } = parts;
  const { maxAttempts } = endpoint.limits;
  const { escalatedAt, startAt, deadlineAt, delayMs, executionMs, workerId, error } = status;
  return {
    id: status.jobId,
    endpoint: endpoint.id,
    status: status.state,
    priority: priorityOf(status.rank),
    createdAt: status.createdAt.toISOString(),
    ...(delayMs === null ? {} : { delayTime: delayMs }),
    ...(executionMs === null ? {} : { executionTime: executionMs }),
    ...(workerId === null ? {} : { workerId }),
    ...(escalatedAt === null ? {} : { escalatedAt: escalatedAt.toISOString() }),
    ...(startAt === null ? {} : { startAt: startAt.toISOString() }),
    ...(deadlineAt === null ? {} : { deadline: deadlineAt.toISOString() }),
    ...(waiting === undefined ? {} : { waiting }),
    attempt: status.attempt,
    maxAttempts,
    policy: {
      executionTimeout: asked.executionTimeoutMs,
      ttl: asked.ttlMs,
      lowPriority: asked.lowPriority,
    },
    inputBytes: asked.inputBytes,
    ...(error === null ? {} : { error: textIn(error).slice(0, ERROR_SHOWN_MAX) }),
    events: describeHistory(events, maxAttempts),
    deliveries: [...deliveries],
  };
};

/** The string that the bytes are in JSON, or what they say otherwise. */
const textIn = (bytes: Buffer): string => {
  const text = bytes.toString('utf8');
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'string' ? value : text;
  } catch {
    return text;
  }
};
