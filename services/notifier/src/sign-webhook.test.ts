import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newWebhookSecret } from '@switchyard/contracts';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import { signingKeyOf, signWebhook } from './sign-webhook.ts';

const webhookId = '0198c0de-0000-7000-8000-000000000001';
const body = Buffer.from('{"id":"é","output":12345678901234567890,"status":"COMPLETED"}');

const signed = (...secrets: string[]) => ({
  ...signWebhook({ webhookId, sentAtMs: Date.now(), body, keys: secrets.map(signingKeyOf) }),
});

const verifies = (secret: string, payload: Buffer, headers: Record<string, string>): boolean => {
  try {
    new Webhook(secret).verify(payload, headers);
    return true;
  } catch (error) {
    if (error instanceof WebhookVerificationError) return false;
    throw error;
  }
};

test('a signed webhook is verified by the library that receivers use', () => {
  const secret = newWebhookSecret();
  assert.equal(verifies(secret, body, signed(secret)), true);
  assert.equal(verifies(secret, Buffer.alloc(0), signed(secret)), false);
});

test('the signature is that of the published example', () => {
  // The example of the Standard Webhooks libraries, which all of them test against.
  const headers = signWebhook({
    webhookId: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    sentAtMs: 1_614_265_330_999,
    body: Buffer.from('{"test": 2432232314}'),
    keys: [signingKeyOf('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')],
  });
  assert.deepEqual(headers, {
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  });
});

test('while a secret is replaced, a receiver with either one verifies', () => {
  const [former, current, foreign] = [newWebhookSecret(), newWebhookSecret(), newWebhookSecret()];
  const headers = signed(current, former);
  assert.equal(headers['webhook-signature'].split(' ').length, 2);
  assert.equal(verifies(former, body, headers), true);
  assert.equal(verifies(current, body, headers), true);
  assert.equal(verifies(foreign, body, headers), false);
});

test('a changed body, id or time, and a late replay, are not verified', () => {
  const secret = newWebhookSecret();
  const headers = signed(secret);
  const changed = Buffer.from(body);
  changed.writeUInt8(0x20, 3);
  assert.equal(verifies(secret, changed, headers), false);
  assert.equal(verifies(secret, body, { ...headers, 'webhook-id': `${webhookId}0` }), false);
  const next = String(Number(headers['webhook-timestamp']) + 1);
  assert.equal(verifies(secret, body, { ...headers, 'webhook-timestamp': next }), false);
  const late = signWebhook({
    webhookId,
    sentAtMs: Date.now() - 302_000,
    body,
    keys: [signingKeyOf(secret)],
  });
  assert.equal(verifies(secret, body, { ...late }), false);
});

test('bytes that are not UTF-8 are signed as they are', () => {
  const secret = newWebhookSecret();
  const sign = (bytes: Buffer) =>
    signWebhook({ webhookId, sentAtMs: 0, body: bytes, keys: [signingKeyOf(secret)] })[
      'webhook-signature'
    ];
  assert.notEqual(sign(Buffer.from([0xff])), sign(Buffer.from([0xfe])));
});

test('a secret or id that breaks its form is a defect', () => {
  const sign = (id: string, ...secrets: string[]) =>
    signWebhook({ webhookId: id, sentAtMs: 0, body, keys: secrets.map(signingKeyOf) });
  const good = newWebhookSecret();
  for (const secret of ['', 'whsec_', good.slice(6), good.slice(0, -9), `${good} `, 'whsec_éé']) {
    assert.throws(() => sign(webhookId, good, secret), /A webhook secret must be whsec_/, secret);
  }
  assert.throws(() => sign(webhookId), /at least one key/);
  for (const id of ['', 'a.b', 'a\r\nb', 'é', 'x'.repeat(129)]) {
    assert.throws(() => sign(id, good), /webhook id/, id);
  }
});
