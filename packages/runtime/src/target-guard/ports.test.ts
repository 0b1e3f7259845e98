import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTargetGuard } from '../target-guard.ts';

test('an address that is open has all its ports open, and no other one has', () => {
  const guard = createTargetGuard({ allowPrivateTargets: ['10.1.2.0/24', '127.0.0.0/8'] });
  for (const host of ['10.1.2.3', '127.0.0.1', '[::ffff:10.1.2.3]', 'localhost', '2130706433']) {
    assert.equal(guard.checkUrl(`http://${host}:9092/h`).ok, true, host);
  }
  assert.equal(guard.checkSocket({ remoteAddress: '10.1.2.3', remotePort: 9092 }).ok, true);
  const refused = { ok: false, reason: 'must not name port 9092' };
  assert.deepEqual(guard.checkUrl('http://8.8.8.8:9092/h'), refused);
  const elsewhere = { remoteAddress: '8.8.8.8', remotePort: 9092 };
  assert.deepEqual(guard.checkSocket(elsewhere), refused);
  // A name may stand for an open address, which its look-up tells.
  assert.equal(guard.checkUrl('http://example.com:9092/h').ok, true);
});
