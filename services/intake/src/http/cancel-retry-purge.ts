import {
  AcceptedSchema,
  type InstanceId,
  type JobId,
  PurgedSchema,
  refuse,
} from '@switchyard/contracts';
import { sourcesOf } from '@switchyard/lifecycle';
import { isOutcomeUnknown, retryJob, type Store, StoreUnavailable } from '@switchyard/store';
import { cancelJob } from '../cancel-job.ts';
import { purgeQueue } from '../purge-queue.ts';
import type { StatusReader } from '../read-status.ts';
import type { Changes } from '../tell-changes.ts';
import { jobIn } from './parameters.ts';
import { type EndpointCall, json, type Route, SMALL_BODY_MAX_BYTES } from './route.ts';

export type ChangeContext = {
  readonly store: Store;
  readonly instance: InstanceId;
  readonly statuses: StatusReader;
  readonly changes: Changes;
};

/** Never read: RunPod's clients send nothing or `{}`. */
const body = { schema: { type: 'object' }, maxBytes: SMALL_BODY_MAX_BYTES };

/** `/cancel`, `/retry` and `/purge-queue`. */
export const changeRoutes = (context: ChangeContext): Route[] => [
  {
    method: 'POST',
    path: '/v2/:endpoint/cancel/:job',
    summary: 'Cancel a job that is queued or running; one that has ended keeps its status.',
    access: 'endpoint',
    scope: 'submit',
    body,
    success: { status: 200, schema: AcceptedSchema },
    errors: ['job.not_found', 'job.expired', 'outcome_unknown'],
    answer: async (call) => {
      const id = jobIn(call);
      const status = await orUnknown(id, () => cancelJob(context, call.endpoint, id));
      return json({ id, status });
    },
  },
  {
    method: 'POST',
    path: '/v2/:endpoint/retry/:job',
    summary: 'Queue a job that failed or timed out again, with a fresh TTL.',
    access: 'endpoint',
    scope: 'submit',
    body,
    success: { status: 200, schema: AcceptedSchema },
    errors: ['job.not_found', 'job.expired', 'job.wrong_state', 'outcome_unknown'],
    answer: (call) => retry(context, call),
  },
  {
    method: 'POST',
    path: '/v2/:endpoint/purge-queue',
    summary: 'Cancel every queued job; goes on if the client hangs up.',
    access: 'endpoint',
    scope: 'admin',
    body,
    success: { status: 200, schema: PurgedSchema },
    errors: ['outcome_unknown'],
    answer: async (call) => {
      const removed = await orUnknown(undefined, () => purgeQueue(context, call.endpointId));
      return json({ removed, status: 'completed' });
    },
  },
];

const retry = async (context: ChangeContext, call: EndpointCall) => {
  const { store, instance, statuses, changes } = context;
  const id = jobIn(call);
  const change = () => retryJob(store, call.endpointId, `${instance}/control`, id);
  if (await orUnknown(id, change)) {
    changes.retried(call.endpointId, [id]);
    return json({ id, status: 'IN_QUEUE' });
  }
  const { state } = await statuses.find(call.endpoint, id);
  const allowed = sourcesOf('retry').join(' or ');
  throw refuse('job.wrong_state', `Only a job that is ${allowed} can be retried; it is ${state}.`);
};

/** A change whose commit nobody confirmed is neither done nor failed, and its sender is told so. */
const orUnknown = async <Result>(
  id: JobId | undefined,
  change: () => Promise<Result>,
): Promise<Result> => {
  try {
    return await change();
  } catch (error) {
    if (!(error instanceof StoreUnavailable && isOutcomeUnknown(error))) throw error;
    const detail =
      'The database went away before it said whether this was done; look, then repeat.';
    const job = id === undefined ? {} : { id };
    throw refuse('outcome_unknown', detail, { ...job, retryAfterSeconds: 1 });
  }
};
