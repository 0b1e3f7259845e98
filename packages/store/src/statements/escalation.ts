/**
 * When a low job that waits since `from` counts as high, as `escalatesAfterMs` of `lifecycle` has
 * it: when a quarter of its ttl is left, or at the endpoint's escalateAfterMs, whichever is first.
 * The setting that holds when the job begins to wait decides. $1 is the endpoint.
 */
export const escalatesAt = (from: string, ttlMs: string): string => `${from} + least(
    (select escalate_after_ms from endpoints where endpoint_id = $1), ${ttlMs} * 3 / 4
  ) * interval '1 ms'`;
