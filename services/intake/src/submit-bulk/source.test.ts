import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { createBell } from './bell.ts';
import { type Came, openSource } from './source.ts';

const HALF_MS = 15_000;

/** A body that is written to by hand, and the next thing that is heard of it. */
const openBody = () => {
  const body = new PassThrough();
  const { ring, heard } = createBell();
  const source = openSource(body, new AbortController().signal, ring);
  const next = async (): Promise<Came> => {
    for (;;) {
      const came = source.take();
      if (came !== undefined) return came;
      await heard();
    }
  };
  return { body, next };
};

test('a body that says nothing for thirty seconds is left', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { next } = openBody();
  const came = next();
  t.mock.timers.tick(2 * HALF_MS);
  assert.equal(await came, 'slow');
});

test('single bytes do not keep a body, ends of lines and many bytes do', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { body, next } = openBody();
  for (const chunk of ['{}\n', 'x'.repeat(65_536), '}\n']) {
    const came = next();
    t.mock.timers.tick(2 * HALF_MS - 1);
    body.write(chunk);
    assert.equal(String(await came), chunk);
  }
  const first = next();
  t.mock.timers.tick(HALF_MS);
  body.write('x');
  assert.equal(String(await first), 'x');
  const second = next();
  t.mock.timers.tick(HALF_MS);
  assert.equal(await second, 'slow');
});

test('a body that nobody reads is not slow', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { body, next } = openBody();
  const first = next();
  body.write('x');
  assert.equal(String(await first), 'x');
  // It reads one piece ahead, and that one waits here.
  body.write('y');
  await new Promise(setImmediate);
  t.mock.timers.tick(10 * HALF_MS);
  assert.equal(String(await next()), 'y');
  const third = next();
  body.write('z');
  assert.equal(String(await third), 'z');
});
