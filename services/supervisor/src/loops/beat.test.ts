import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { InstanceId } from '@switchyard/contracts';
import { openStore, type Store } from '@switchyard/store';
import { createBeat } from './beat.ts';

// Nothing connects to it: what is asked of it is answered here.
const closed = openStore({ url: 'postgres://127.0.0.1:9/none', applicationName: 'test' });
after(() => closed.close());

test('a supervisor that cannot store signs of life stops its beat', async (t) => {
  let nowMs = 0;
  t.mock.method(performance, 'now', () => nowMs);
  let beats = 0;
  const run: Store['run'] = async () => {
    beats += 1;
    return [];
  };
  const { beat, noteStored } = createBeat({ ...closed, run }, 'test' as InstanceId, 'host');

  await beat();
  assert.equal(beats, 1);
  nowMs = 3_001;
  await beat();
  assert.equal(beats, 1, 'no sign was stored for three seconds');
  noteStored();
  await beat();
  assert.equal(beats, 2);
});
