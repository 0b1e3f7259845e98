import { randomBytes } from 'node:crypto';

/** What a secret begins with, after the Standard Webhooks specification. */
export const WEBHOOK_SECRET_PREFIX = 'whsec_';
const SECRET_BYTES = 32;

/** A fresh secret to sign webhooks with: `whsec_` and the base64 of 32 random bytes. */
export const newWebhookSecret = (): string =>
  WEBHOOK_SECRET_PREFIX + randomBytes(SECRET_BYTES).toString('base64');
