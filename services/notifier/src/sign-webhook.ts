import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { WEBHOOK_SECRET_PREFIX } from '@switchyard/contracts';

/**
 * One try to sign. `webhookId` stays the same over the tries of a delivery; `sentAtMs` counts from
 * 1970 and is that of the try. `keys` are one, or two while a former one still signs.
 */
export type WebhookToSign = {
  readonly webhookId: string;
  readonly sentAtMs: number;
  readonly body: Buffer;
  readonly keys: readonly KeyObject[];
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
 * time and the body's bytes as they are sent, once for each key, so that a receiver may hold the
 * new secret or the former one.
 * @throws Error when the id breaks its form, or there is no key: defects of ours.
 */
export const signWebhook = (webhook: WebhookToSign): WebhookHeaders => {
  const { webhookId, sentAtMs, body, keys } = webhook;
  // A dot would let the signed text be cut elsewhere: one id's end could pass for another's time.
  if (!/^[\w-]{1,128}$/.test(webhookId)) throw new Error('A webhook id has a character amiss.');
  if (keys.length === 0) throw new Error('A webhook needs at least one key to sign with.');
  const timestamp = String(Math.floor(sentAtMs / 1000));
  const signatures = keys.map((key) =>
    createHmac('sha256', key).update(`${webhookId}.${timestamp}.`).update(body).digest('base64'),
  );
  return {
    'webhook-id': webhookId,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.map((signature) => `v1,${signature}`).join(' '),
  };
};

/**
 * What `secret` signs with. A key is made once for many webhooks: Node takes seven times as long
 * to sign with bare bytes.
 * @throws Error when the secret breaks its form, a defect of ours.
 */
export const signingKeyOf = (secret: string): KeyObject => {
  const encoded = secret.startsWith(WEBHOOK_SECRET_PREFIX)
    ? secret.slice(WEBHOOK_SECRET_PREFIX.length)
    : '';
  const key = Buffer.from(encoded, 'base64');
  const { minimum, maximum } = SECRET_BOUNDS_BYTES;
  // Node's base64 skips what it does not know, so that a torn one would sign with another key.
  if (key.toString('base64') !== encoded || key.length < minimum || key.length > maximum) {
    const form = `${WEBHOOK_SECRET_PREFIX} and the base64 of ${minimum} to ${maximum} bytes`;
    throw new Error(`A webhook secret must be ${form}.`);
  }
  return createSecretKey(key);
};
