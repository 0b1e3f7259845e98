import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type EndpointId, type InstanceId, newJobId, uuidOf } from '@switchyard/contracts';
import { createLog } from '@switchyard/runtime';
import { openStore } from '@switchyard/store';
import { createClaimer } from './claim-for-demand.ts';
import { createDemandBook } from './track-demand.ts';

const ENDPOINT = 'echo' as EndpointId;

/** A row of `claim_jobs`. */
const row = (at: number, webhook: string | null = null) => ({
  ...{ job_id: uuidOf(newJobId('async')), worker_id: 'w', instance: 'i', claim_no: 1, rank: 1 },
  ...{ deadline_ms: at, execution_timeout_ms: 60_000, input: null, secret: null, webhook },
});

/**
 * A claimer of one worker's seats, what it asks and what it sends. The first claim brings `rows`;
 * each takes `claimMs`.
 */
const openClaimer = (seats: number, rows: readonly unknown[], claimMs = 0) => {
  const stop = new AbortController();
  const opened = openStore({ url: 'postgres://nobody@127.0.0.1:1/none', applicationName: 'test' });
  const asked: string[] = [];
  const askedAtMs: number[] = [];
  const sent: Uint8Array[] = [];
  const store: typeof opened = {
    ...opened,
    runPinned: async <Row>({ name }: { name: string }) => {
      asked.push(name);
      askedAtMs.push(performance.now());
      const found = (asked.length === 1 ? rows : []) as Row[];
      if (claimMs > 0) await pause(claimMs);
      return found;
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
  return { claimer, stop, asked, askedAtMs, sent, close: () => opened.close() };
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
  const webhook = `https://example.com/${'\u65e5'.repeat(2_000)}`;
  const rows = Array.from({ length: 500 }, (_, at) => row(at, webhook));
  const { claimer, sent, close } = openClaimer(500, rows);
  claimer.nudged(ENDPOINT);
  await claimer.idle();
  assert.ok(sent.length > 1);
  assert.ok(Math.max(...sent.map(({ length }) => length)) < 1_048_576);
  await close();
});

/** How long a claimer is busy behind the begin of its last claim, the first having met `jobs`. */
const busyMs = async (jobs: number, claimMs: number): Promise<number> => {
  const rows = Array.from({ length: jobs }, (_, at) => row(at));
  const { claimer, askedAtMs, close } = openClaimer(100, rows, claimMs);
  claimer.nudged(ENDPOINT);
  await claimer.idle();
  const idleAtMs = performance.now();
  await close();
  return idleAtMs - (askedAtMs.at(-1) ?? 0);
};

test('where many jobs came, the next claim comes three times later than one takes', async () => {
  // The shortest of some, as a busy machine makes each longer.
  const few = Math.min(await busyMs(15, 30), await busyMs(15, 30), await busyMs(15, 30));
  assert(few < 110, `15 jobs: ${few} ms`);
  const many = await busyMs(16, 30);
  assert(many >= 118, `16 jobs: ${many} ms`);
});
