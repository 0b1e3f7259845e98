import { type Endpoint, Refusal } from '@switchyard/contracts';
import { type JobStatus, StoreUnavailable } from '@switchyard/store';
import { describeStatus } from './describe-status.ts';
import type { WaitingExplainer } from './explain-waiting.ts';
import type { ProgressMemory } from './remember-progress.ts';

export type WaitedContext = {
  readonly explainer: WaitingExplainer;
  readonly progress: ProgressMemory;
};

/**
 * The status body of a job when the wait for it is over; while it is queued, with the reason. The
 * status is known by then, so that the answer goes without a reason where the database gives none.
 */
export const describeWaited = async (
  { explainer, progress }: WaitedContext,
  endpoint: Endpoint,
  status: JobStatus,
): Promise<Buffer> => {
  const waiting = await explainer.explain(endpoint, status).catch((error: unknown) => {
    if (error instanceof StoreUnavailable || error instanceof Refusal) return undefined;
    throw error;
  });
  return describeStatus(progress, endpoint, status, waiting);
};
