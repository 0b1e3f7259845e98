import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type EndpointId, newJobId, uuidOf } from '@switchyard/contracts';
import {
  createLog,
  createMetrics,
  createSealer,
  createTargetGuard,
  makeWebhookSecret,
  type Sealer,
} from '@switchyard/runtime';
import { openStore } from '@switchyard/store';
import { createDeliverer, type Deliverer } from './deliver-webhooks.ts';

const opened = openStore({ url: 'postgres://nobody@127.0.0.1:1/none', applicationName: 'test' });
after(() => opened.close());

type Ask = <Row>(statement: { name: string }) => Promise<Row[]>;

/** One that only notes what it sends, on a database that answers as `ask` does. */
const layDeliverer = (ask: Ask, sealer: Sealer, sent: string[] = []): Deliverer =>
  createDeliverer(
    {
      store: { ...opened, run: ask, runPinned: ask },
      log: createLog({ level: 'fatal', service: 'notifier', instance: 'n' }),
      metrics: createMetrics({ service: 'notifier' }),
      sealer,
      targetGuard: createTargetGuard({ allowPrivateTargets: [] }),
      wrapPoster: () => (webhook) => {
        sent.push(webhook.url);
        return Promise.reject(new Error('it is only noted'));
      },
    },
    () => undefined,
  );

/** A look that begins one try, in a process that stands still for `stoppedMs` meanwhile. */
const lookWhileStopped = async (stoppedMs: number, nowMs: { value: number }): Promise<string[]> => {
  const sent: string[] = [];
  const sealer = createSealer([Buffer.alloc(32)]);
  const { sealed } = makeWebhookSecret(sealer, 'echo' as EndpointId);
  const rows: Readonly<Record<string, readonly unknown[]>> = {
    read_webhook_secrets: [{ webhook_secrets: [sealed] }],
    find_due_deliveries: [{ endpoint_id: 'echo' as EndpointId }],
    start_deliveries: [
      {
        ...{ delivery_id: 'd', job_id: uuidOf(newJobId('async')), url: 'https://example.com/' },
        ...{ target: 'example.com', n: 1, begun_at_ms: 0, status: 'COMPLETED', output: null },
        ...{ error: null, worker_id: null, delay_ms: null, execution_ms: null, rank: null },
      },
    ],
  };
  const ask = <Row>({ name }: { name: string }): Promise<Row[]> => {
    if (name === 'start_deliveries') nowMs.value += stoppedMs;
    return Promise.resolve((rows[name] ?? []) as Row[]);
  };
  const deliverer = layDeliverer(ask, sealer, sent);
  await deliverer.look(new AbortController().signal);
  await deliverer.drain(0);
  return sent;
};

test('a try is not sent by a process that stood still since it was begun', async (t) => {
  const nowMs = { value: 1_000_000 };
  t.mock.method(performance, 'now', () => nowMs.value);
  assert.deepEqual(await lookWhileStopped(9_000, nowMs), ['https://example.com/']);
  assert.deepEqual(await lookWhileStopped(11_000, nowMs), []);
});

test('looks that take long are further apart', async () => {
  const TOOK_MS = 30;
  const beganAtMs: number[] = [];
  const ask: Ask = async () => {
    beganAtMs.push(performance.now());
    await pause(TOOK_MS);
    return [];
  };
  const deliverer = layDeliverer(ask, createSealer([Buffer.alloc(32)]));
  for (let n = 0; n < 3; n += 1) await deliverer.look(new AbortController().signal);
  const [first = 0, second = 0, third = 0] = beganAtMs;
  // Timers may be early by a part of a ms: that which takes the time, and that which waits.
  const leastMs = 5 * (TOOK_MS - 1) - 1;
  assert.ok(second - first >= leastMs, `the second came ${second - first} ms later`);
  assert.ok(third - second >= leastMs, `the third came ${third - second} ms later`);
});
