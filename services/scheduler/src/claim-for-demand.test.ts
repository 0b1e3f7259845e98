import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type EndpointId, type InstanceId, newJobId, uuidOf } from '@switchyard/contracts';
import { createLog } from '@switchyard/runtime';
import { openStore } from '@switchyard/store';
import { createClaimer } from './claim-for-demand.ts';
import { createDemandBook } from './track-demand.ts';

const ENDPOINT = 'echo' as EndpointId;

/** A claimer of one worker's seats whose claims bring `rows`, what it asks and what it sends. */
const openClaimer = (seats: number, rows: readonly unknown[]) => {
  const stop = new AbortController();
  const opened = openStore({ url: 'postgres://nobody@127.0.0.1:1/none', applicationName: 'test' });
  const asked: string[] = [];
  const sent: Uint8Array[] = [];
  const store: typeof opened = {
    ...opened,
    runPinned: <Row>({ name }: { name: string }) => {
      asked.push(name);
      return Promise.resolve((asked.length === 1 ? rows : []) as Row[]);
    },
  };
  const demand = createDemandBook();
  const workers = [{ worker: 'w', free: seats }];
  demand.hear({ instance: 'i', n: 1, seen: 0, endpoints: [{ endpoint: ENDPOINT, workers }] });
  const claimer = createClaimer({
    ...{ store, demand, stop: stop.signal, instance: 's' as InstanceId },
    log: createLog({ level: 'fatal', service: 'scheduler', instance: 's' }),
    broker: {
      hint: (_, body) => sent.push(body),
      stats: () => ({ connected: true, hintsDropped: 0, reconnects: 0 }),
    },
    isLimited: () => false,
  });
  return { claimer, stop, asked, sent, close: () => opened.close() };
};

test('nothing is claimed once the scheduler stops, whoever nudges', async () => {
  const { claimer, stop, asked, close } = openClaimer(1, []);
  claimer.nudged(ENDPOINT);
  await claimer.idle();
  assert.deepEqual(asked, ['claim_jobs']);
  stop.abort();
  claimer.nudged(ENDPOINT);
  claimer.seated(ENDPOINT);
  await claimer.idle();
  assert.deepEqual(asked, ['claim_jobs']);
  await close();
});

test('what is known of an endpoint is forgotten with it', async () => {
  const { claimer, asked, close } = openClaimer(1, []);
  claimer.nudged(ENDPOINT);
  await claimer.idle();
  claimer.keepOnly(new Set([ENDPOINT]));
  claimer.seated(ENDPOINT);
  await claimer.idle();
  assert.equal(asked.length, 1, 'its queue is known to be empty');
  claimer.keepOnly(new Set());
  claimer.seated(ENDPOINT);
  await claimer.idle();
  assert.equal(asked.length, 2);
  await close();
});

test('nobody looks for missed jobs where a claim has looked just now', async () => {
  const { claimer, close } = openClaimer(1, []);
  assert.equal(claimer.isQuiet(ENDPOINT), true, 'none was ever made');
  claimer.nudged(ENDPOINT);
  assert.equal(claimer.isQuiet(ENDPOINT), false);
  await claimer.idle();
  assert.equal(claimer.isQuiet(ENDPOINT), false);
  await pause(1_000);
  assert.equal(claimer.isQuiet(ENDPOINT), true);
  await close();
});

test('no assign is larger than NATS carries, whatever its webhooks are written in', async () => {
  const row = (at: number) => ({
    ...{ job_id: uuidOf(newJobId('async')), worker_id: 'w', instance: 'i', claim_no: 1, rank: 1 },
    ...{ deadline_ms: at, execution_timeout_ms: 60_000, input: null, secret: null },
    webhook: `https://example.com/${'\u65e5'.repeat(2_000)}`,
  });
  const rows = Array.from({ length: 500 }, (_, at) => row(at));
  const { claimer, sent, close } = openClaimer(500, rows);
  claimer.nudged(ENDPOINT);
  await claimer.idle();
  assert.ok(sent.length > 1);
  assert.ok(Math.max(...sent.map(({ length }) => length)) < 1_048_576);
  await close();
});
