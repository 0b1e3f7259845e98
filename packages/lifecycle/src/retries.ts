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
