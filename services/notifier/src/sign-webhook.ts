import { createHmac } from 'node:crypto';
import { WEBHOOK_SECRET_PREFIX } from '@switchyard/contracts';

/**
 * One try to sign. `webhookId` stays the same over the tries of a delivery; `sentAtMs` counts from
 * 1970 and is that of the try. `secrets` are one, or two while a former one still signs.
 */
export type WebhookToSign = {
  readonly webhookId: string;
  readonly sentAtMs: number;
  readonly body: Buffer;
  readonly secrets: readonly string[];
};

export type WebhookHeaders = {
  readonly 'webhook-id': string;
  readonly 'webhook-timestamp': string;
  readonly 'webhook-signature': string;
};

/** What the Standard Webhooks specification lets a secret measure. */
const SECRET_BOUNDS_BYTES = { minimum: 24, maximum: 64 } as const;

/**
 * The headers of a webhook after the Standard Webhooks specification 1.0: HMAC-SHA256 over id,
 * time and the body's bytes as they are sent, once for each secret, so that a receiver may hold
 * the new secret or the former one.
 * @throws Error when a secret or the id breaks its form, or there is no secret: defects of ours.
 */
export const signWebhook = (webhook: WebhookToSign): WebhookHeaders => {
  const { webhookId, sentAtMs, body, secrets } = webhook;
  // A dot would let the signed text be cut elsewhere: one id's end could pass for another's time.
  if (!/^[\w-]{1,128}$/.test(webhookId)) throw new Error('A webhook id has a character amiss.');
  if (secrets.length === 0) throw new Error('A webhook needs at least one secret to sign with.');
  const timestamp = String(Math.floor(sentAtMs / 1000));
  const signatures = secrets.map((secret) =>
    createHmac('sha256', keyOf(secret))
      .update(`${webhookId}.${timestamp}.`)
      .update(body)
      .digest('base64'),
  );
  return {
    'webhook-id': webhookId,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.map((signature) => `v1,${signature}`).join(' '),
  };
};

/** Node's base64 skips what it does not know, so that a torn secret would sign with another key. */
const keyOf = (secret: string): Buffer => {
  const encoded = secret.startsWith(WEBHOOK_SECRET_PREFIX)
    ? secret.slice(WEBHOOK_SECRET_PREFIX.length)
    : '';
  const key = Buffer.from(encoded, 'base64');
  const { minimum, maximum } = SECRET_BOUNDS_BYTES;
  if (key.toString('base64') !== encoded || key.length < minimum || key.length > maximum) {
    const form = `${WEBHOOK_SECRET_PREFIX} and the base64 of ${minimum} to ${maximum} bytes`;
    throw new Error(`A webhook secret must be ${form}.`);
  }
  return key;
};
