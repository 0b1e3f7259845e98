import type { PostWebhook } from '@switchyard/notifier';
import type { Failpoints } from '@switchyard/runtime';

const FAILED = {
  outcome: 'failed',
  delivered: false,
  durationMs: 0,
  responseStatus: null,
  responseExcerpt: null,
  error: 'A failpoint cut the connection.',
} as const;

/** Puts the failpoint `notifier.post-webhook` at each post of a webhook. */
export const armPoster =
  (points: Failpoints) =>
  (post: PostWebhook): PostWebhook =>
  (webhook) =>
    points.around(
      'notifier.post-webhook',
      () => post(webhook),
      () => FAILED,
    );
