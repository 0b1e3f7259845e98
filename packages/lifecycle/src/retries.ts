import type { RequeueReason } from '@switchyard/contracts';

/** What becomes of a job whose claim ended without a result. */
export type AfterLoss = {
  readonly kind: 'requeue' | 'fail';
  readonly attempts: number;
};

/**
 * Decides on a lost claim. Only a `spent` one counts as an attempt: a hand-over that wrote no byte,
 * or an end that Switchyard itself caused, does not. At `maxAttempts` the job fails.
 */
export const afterLoss = (attempts: number, maxAttempts: number, spent: boolean): AfterLoss => {
  const used = spent ? attempts + 1 : attempts;
  return {
    kind: used >= maxAttempts && spent ? 'fail' : 'requeue',
    attempts: used,
  };
};

const LOSSES: Record<RequeueReason, { readonly spends: boolean; readonly sentence: string }> = {
  worker_exited: { spends: true, sentence: 'its worker ended in the middle of it' },
  worker_lost: { spends: true, sentence: 'its worker was not heard of any more' },
  result_lost: { spends: true, sentence: 'its worker dropped it without a result' },
  assign_lost: { spends: false, sentence: 'the hand-over was lost' },
  not_handed_over: { spends: false, sentence: 'it could not be handed over' },
  switchyard_ended_it: { spends: false, sentence: 'Switchyard ended its worker' },
};

/** Whether a claim that ended so counts as an attempt. */
export const spendsAttempt = (reason: RequeueReason): boolean => LOSSES[reason].spends;

/** Why a claim ended, as the end of a sentence. */
export const describeLoss = (reason: RequeueReason): string => LOSSES[reason].sentence;
