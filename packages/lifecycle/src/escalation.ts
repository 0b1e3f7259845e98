/** A low job counts as high once this share of its TTL is all that is left. */
const LAST_SHARE_OF_TTL = 0.25;

/**
 * How long after its accept a low job becomes high, in ms: when a quarter of its TTL is left or
 * when it has waited `escalateAfterMs`, whichever comes first. So no low job starves.
 */
export const escalatesAfterMs = (ttlMs: number, escalateAfterMs: number): number =>
  Math.min(escalateAfterMs, Math.floor(ttlMs * (1 - LAST_SHARE_OF_TTL)));
