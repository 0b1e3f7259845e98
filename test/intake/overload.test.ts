import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Store } from '@switchyard/store';
import { ROOT_KEY, startIntake } from './start-intake.ts';

/** Holds every accept until the test lets go. */
let held: Promise<void> = Promise.resolve();
const intake = await startIntake({
  wrap: (store): Store => ({
    ...store,
    run: async (statement, values) => {
      if (statement.name.startsWith('accept_')) await held;
      return store.run(statement, values);
    },
  }),
});
after(() => intake[Symbol.asyncDispose]());
const { send } = intake;

/** The head of a request to `/run` with `more` header lines. */
const headOf = (endpoint: string, more: string): string =>
  `POST /v2/${endpoint}/run HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${ROOT_KEY}\r\n` +
  `content-type: application/json\r\n${more}\r\n\r\n`;

const dial = async () => {
  const socket = connect(Number(new URL(intake.url).port), '127.0.0.1');
  await once(socket, 'connect');
  socket.on('error', () => undefined);
  return socket;
};

test('a full queue refuses before the body has come', async () => {
  await intake.makeEndpoint('one', { limits: { maxQueued: 1 } });
  assert.equal((await send('POST /v2/one/run', { body: { input: 1 } })).status, 200);
  const socket = await dial();
  socket.write(headOf('one', 'content-length: 9000000'));
  const [answer] = await once(socket, 'data');
  assert.match(String(answer), /^HTTP\/1\.1 429 .*retry-after: 5\r\n.*endpoint\.queue_full/s);
  socket.destroy();
});

test('jobs that are not stored yet count, however often the queue is counted', async () => {
  await intake.makeEndpoint('three', { limits: { maxQueued: 3 } });
  const { promise, resolve } = Promise.withResolvers<void>();
  held = promise;
  const under = [1, 2, 3].map((input) => send('POST /v2/three/run', { body: { input } }));
  // Until the three have come in, a fourth might be one of them.
  await pause(500);
  const untilMs = performance.now() + 1_000;
  while (performance.now() < untilMs) {
    const { status } = await send('POST /v2/three/run', { body: { input: 4 } });
    assert.equal(status, 429);
    await pause(100);
  }
  resolve();
  assert.deepEqual(
    (await Promise.all(under)).map(({ status }) => status),
    [200, 200, 200],
  );
});

test('a queue that was purged takes jobs again at once', async () => {
  await intake.makeEndpoint('purged', { limits: { maxQueued: 2 } });
  const run = async () => (await send('POST /v2/purged/run', { body: { input: 1 } })).status;
  assert.deepEqual([await run(), await run(), await run()], [200, 200, 429]);
  await send('POST /v2/purged/purge-queue', { body: {} });
  const fromMs = performance.now();
  while ((await run()) === 429) await pause(20);
  const tookMs = performance.now() - fromMs;
  assert.ok(tookMs < 800, `it took ${tookMs} ms`);
});

test('bodies under way have a bound, and whoever goes gives room back', async () => {
  await intake.makeEndpoint('large');
  const almost = Buffer.from(`{"input":"${'x'.repeat(10_400_000)}`);
  const head = Buffer.from(headOf('large', `content-length: ${almost.length + 2}`));
  const sockets = await Promise.all(Array.from({ length: 26 }, dial));
  const refusals = sockets.map(async (socket) => {
    const [answer] = await once(socket, 'data');
    return String(answer);
  });
  // None has come to its end, and all of them together are more than there is room for.
  for (const socket of sockets) socket.write(Buffer.concat([head, almost]));
  const refusal = await Promise.race(refusals);
  assert.match(refusal, /^HTTP\/1\.1 503 .*retry-after: 1\r\n.*connection: close\r\n/s);
  assert.match(refusal, /service\.overloaded.*Too many large bodies/);
  for (const socket of sockets) socket.destroy();
  const body = Buffer.concat([almost, Buffer.from('"}')]);
  assert.equal((await send('POST /v2/large/run', { body })).status, 200);
});
