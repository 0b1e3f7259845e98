import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndpointId, WorkerId } from '@switchyard/contracts';
import { createWorkerBook } from './track-workers.ts';

const ENDPOINT = 'echo' as EndpointId;

test('each worker is met once, and once more after it was forgotten', () => {
  let met = 0;
  const book = createWorkerBook(
    () => undefined,
    () => {
      met += 1;
    },
  );
  for (const id of ['one', 'two', 'one']) book.see(ENDPOINT, id as WorkerId);
  assert.equal(met, 2);
  book.forget(ENDPOINT, 'one' as WorkerId);
  book.see(ENDPOINT, 'one' as WorkerId);
  assert.equal(met, 3);
});
