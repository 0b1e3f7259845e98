import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newWebhookSecret } from './webhook-secret.ts';

test('secrets are 32 random bytes behind their prefix', () => {
  const secrets = Array.from({ length: 100 }, newWebhookSecret);
  assert.equal(new Set(secrets).size, 100);
  for (const secret of secrets) assert.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
});
