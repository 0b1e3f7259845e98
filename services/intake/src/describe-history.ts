import { type JobEvent, REQUEUE_REASONS, type RequeueReason } from '@switchyard/contracts';
import { describeLoss, spendsAttempt } from '@switchyard/lifecycle';
import type { LoggedEvent } from '@switchyard/store';

/**
 * The history of a job for people, oldest first. The log has claims; which attempt each was follows
 * from what the earlier ones spent.
 */
export const describeHistory = (
  events: readonly LoggedEvent[],
  maxAttempts: number,
): JobEvent[] => {
  let used = 0;
  return events.map((logged) => {
    const loss = lossIn(logged);
    const isSpent = loss !== undefined && spendsAttempt(loss);
    const attempt = logged.claimNo === null ? undefined : used + 1;
    if (logged.event === 'requeued' && isSpent) used += 1;
    if (logged.event === 'retried') used = 0;
    return {
      ...factsOf(logged),
      ...(attempt === undefined ? {} : { attempt }),
      ...(logged.event === 'requeued' ? { spent: isSpent } : {}),
      text: textOf(logged, { loss, attempt, maxAttempts }),
    };
  });
};

const factsOf = (logged: LoggedEvent): Omit<JobEvent, 'text'> => ({
  seq: logged.seq,
  event: logged.event,
  at: logged.occurredAt,
  ...(logged.claimNo === null ? {} : { claimNo: logged.claimNo }),
  ...(logged.workerId === null ? {} : { workerId: logged.workerId }),
  ...(logged.reason === null ? {} : { reason: logged.reason }),
});

const lossIn = ({ reason }: LoggedEvent): RequeueReason | undefined =>
  REQUEUE_REASONS.find((known) => known === reason);

type Known = {
  readonly loss: RequeueReason | undefined;
  readonly attempt: number | undefined;
  readonly maxAttempts: number;
};

const textOf = (logged: LoggedEvent, { loss, attempt, maxAttempts }: Known): string => {
  const { event, workerId, reason } = logged;
  switch (event) {
    case 'accepted':
      return 'It was accepted.';
    case 'started':
      return `Attempt ${attempt} of ${maxAttempts} began on ${workerId}.`;
    case 'escalated':
      return 'It was raised to high priority.';
    case 'requeued':
      if (loss === undefined) return 'It went back to the queue.';
      return spendsAttempt(loss)
        ? `It went back to the queue: ${describeLoss(loss)}. Attempt ${attempt} is spent.`
        : `It went back to the queue: ${describeLoss(loss)}. No attempt is spent.`;
    case 'completed':
      return 'It completed.';
    case 'failed':
      return loss === undefined
        ? 'It failed: its worker said so.'
        : `It failed: ${describeLoss(loss)}, and attempt ${attempt} was the last.`;
    case 'cancelled':
      return reason === 'purge' ? 'It was cancelled with the queue.' : 'A client cancelled it.';
    case 'timed_out':
      return reason === 'ttl'
        ? 'It timed out: it waited in the queue longer than its ttl.'
        : 'It timed out: it ran longer than its executionTimeout.';
    case 'retried':
      return 'A client queued it again, with all of its attempts.';
    default:
      return event satisfies never;
  }
};
