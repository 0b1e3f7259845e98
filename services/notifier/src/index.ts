export { createNotifier, type NotifierContext } from './main.ts';
export type { PostWebhook } from './post-webhook.ts';
