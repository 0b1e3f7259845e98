/**
 * `crash-before` and `crash-after`: kill -9 of this process, before the call leaves or when its
 * answer has come. `error`: it fails and nothing was done. `lost`: it is done, and fails all the
 * same, as when an answer is lost. `delay`: it begins later.
 */
export const FAILPOINT_MODES = ['crash-before', 'crash-after', 'error', 'lost', 'delay'] as const;
export type FailpointMode = (typeof FAILPOINT_MODES)[number];

/** What is armed at a point. */
export type Armed = {
  readonly point: string;
  readonly mode: FailpointMode;
  readonly delayMs: number;
  /** The pass that it strikes at, from 1; all: every one. */
  readonly at: number | 'all';
};
