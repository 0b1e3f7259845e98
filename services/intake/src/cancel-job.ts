import { setTimeout as pause } from 'node:timers/promises';
import {
  type Endpoint,
  type EndpointId,
  type InstanceId,
  type JobId,
  refuse,
  type State,
} from '@switchyard/contracts';
import { isTerminal } from '@switchyard/lifecycle';
import { cancelJobs, type Store } from '@switchyard/store';
import type { StatusReader } from './read-status.ts';
import type { Changes } from './tell-changes.ts';

const TRIES_MAX = 20;
const PAUSE_MS = 5;

type Context = {
  readonly store: Store;
  readonly instance: InstanceId;
  readonly statuses: StatusReader;
  readonly changes: Changes;
};

/**
 * Cancels a job wherever it stands. One that a rival moves between queue and lease at this very
 * moment is missed by the statement, so that it is tried again until the job is seen at rest.
 * @returns the state that the job has now: CANCELLED, or the terminal one that it had.
 * @throws Refusal `job.not_found`, `job.expired`.
 */
export const cancelJob = async (
  context: Context,
  endpoint: Endpoint,
  jobId: JobId,
): Promise<State> => {
  const { store, instance, statuses, changes } = context;
  const id = endpoint.id as EndpointId;
  for (let tries = 1; tries <= TRIES_MAX; tries += 1) {
    const cancelled = await cancelJobs(store, id, `${instance}/control`, [jobId]);
    if (cancelled.length > 0) {
      changes.cancelled(id, cancelled);
      return 'CANCELLED';
    }
    const { state } = await statuses.find(endpoint, jobId);
    if (isTerminal(state)) return state;
    await pause(PAUSE_MS * tries);
  }
  throw refuse('service.overloaded', 'The job moves too fast to be cancelled; try again.', {
    retryAfterSeconds: 1,
  });
};
