import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createLog } from './log.ts';
import { type LoopOptions, startLoop } from './loop.ts';
import { createMetrics } from './metrics.ts';

const HOUR_MS = 3_600_000;

const begin = (options: Partial<LoopOptions> & Pick<LoopOptions, 'run'>) => {
  const lines: Record<string, unknown>[] = [];
  const log = createLog({
    level: 'info',
    pretty: false,
    service: 'scheduler',
    instance: 'i',
    destination: { write: (line) => lines.push(JSON.parse(line)) },
  });
  const loop = startLoop({ name: 'expire', everyMs: HOUR_MS, log, ...options });
  return { loop, lines };
};

/** Counts, and lets a test wait for a count. */
const counter = () => {
  const events = new EventTarget();
  let count = 0;
  return {
    up: () => {
      count += 1;
      events.dispatchEvent(new Event('up'));
      return count;
    },
    reaches: async (wanted: number) => {
      while (count < wanted) await once(events, 'up');
    },
    count: () => count,
  };
};

test('it runs at once, and again after each end', async () => {
  const runs = counter();
  const { loop } = begin({ everyMs: 1, run: async () => void runs.up() });
  assert.equal(runs.count(), 1);
  await runs.reaches(4);
  await loop.stop();
  const after = runs.count();
  await nextTurn();
  assert.equal(runs.count(), after);
});

test('waking runs it at once; many calls make one run, also during a run', async () => {
  const runs = counter();
  let finish = (): void => {};
  const { loop } = begin({
    run: () => {
      runs.up();
      return new Promise((resolve) => {
        finish = resolve;
      });
    },
  });
  for (let n = 0; n < 5; n += 1) loop.wake();
  assert.equal(runs.count(), 1);
  finish();
  await runs.reaches(2);
  finish();
  for (let n = 0; n < 10; n += 1) await nextTurn();
  assert.equal(runs.count(), 2);
  loop.wake();
  await runs.reaches(3);
  const stopped = loop.stop();
  finish();
  await stopped;
});

test('a subscription may wake it', async () => {
  const runs = counter();
  let hint = (): void => {};
  const { loop } = begin({
    run: async () => void runs.up(),
    wake: (wake) => {
      hint = wake;
    },
  });
  await nextTurn();
  hint();
  await runs.reaches(2);
  await loop.stop();
});

test('an error is logged once for each change of its message, and the loop goes on', async () => {
  const runs = counter();
  const messages = ['away', 'away', 'denied'];
  const metrics = createMetrics({ service: 's' });
  const { loop, lines } = begin({
    everyMs: 0,
    metrics,
    run: async () => {
      const message = messages[runs.up() - 1];
      if (message !== undefined) throw new Error(message);
    },
  });
  await runs.reaches(5);
  await loop.stop();
  assert.deepEqual(
    lines.map(({ msg, level, err }) => [level, msg, (err as Error | undefined)?.message]),
    [
      ['error', 'The loop failed', 'away'],
      ['error', 'The loop failed', 'denied'],
      ['info', 'The loop works again', undefined],
    ],
  );
  const { body } = await metrics.render();
  assert.match(body, /^switchyard_loop_failures_total\{loop="expire",service="s"\} 3$/m);
});

test('waking does not cut the pause after a failure short', async () => {
  const runs = counter();
  const { loop } = begin({
    run: async () => {
      runs.up();
      throw new Error('away');
    },
  });
  await nextTurn();
  for (let n = 0; n < 20; n += 1) {
    loop.wake();
    await nextTurn();
  }
  assert.equal(runs.count(), 1);
  await loop.stop();
});

test('stopping tells the run under way and waits for it, without an error in the log', async () => {
  let ended = false;
  const { loop, lines } = begin({
    run: async (signal) => {
      await once(signal, 'abort');
      await nextTurn();
      ended = true;
      throw signal.reason;
    },
  });
  await Promise.all([loop.stop(), loop.stop()]);
  assert.ok(ended);
  assert.deepEqual(lines, []);
});

test('a run that throws before its first await is an error like any other', async () => {
  const { loop, lines } = begin({
    run: () => {
      throw new Error('at once');
    },
  });
  await loop.stop();
  assert.equal(lines.length, 1);
});
