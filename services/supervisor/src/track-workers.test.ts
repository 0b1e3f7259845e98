import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type EndpointId, Refusal, type WorkerId } from '@switchyard/contracts';
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

test('ten thousand workers of an endpoint are known, and the posts of others heard', () => {
  let met = 0;
  const book = createWorkerBook(
    () => undefined,
    () => {
      met += 1;
    },
  );
  const idOf = (n: number) => `worker-${n}` as WorkerId;
  for (let n = 0; n < 10_000; n += 1) book.see(ENDPOINT, idOf(n));
  const code = 'service.overloaded';
  assert.throws(
    () => book.see(ENDPOINT, idOf(10_000)),
    (error) => error instanceof Refusal && error.problem.code === code,
  );
  assert.equal(book.hear(ENDPOINT, idOf(10_000)).workerId, idOf(10_000));
  assert.equal(book.find(ENDPOINT, idOf(10_000)), undefined);
  assert.equal(met, 10_000);
  book.see(ENDPOINT, idOf(0));
  book.see('another' as EndpointId, idOf(0));
  book.forget(ENDPOINT, idOf(0));
  book.see(ENDPOINT, idOf(10_000));
  assert.equal(met, 10_002);
});
