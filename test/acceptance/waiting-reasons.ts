/**
 * Provokes every reason why a job waits, through public interfaces, and reads it from /status.
 *
 * Besides: 410 for a job past its retention and 404 for one that never was, and a paused endpoint
 * that makes no claim, over a restart of all services too.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { WAITING_CAUSES } from '@switchyard/lifecycle';
import { type JournalWorker, startJournalWorker } from './load/start-journal-worker.ts';
import { callsTo } from './support/call-http.ts';
import { startChecks } from './support/checks.ts';
import { openSystem } from './support/open-system.ts';
import { rawWorker } from './support/raw-worker.ts';
import { endOf, makeKey, submit } from './support/setup-calls.ts';
import { CONFIG } from './waiting-reasons/config.ts';
import { judgePause } from './waiting-reasons/judge-pause.ts';
import { judgeRetention } from './waiting-reasons/judge-retention.ts';
import { type Expected, readReason, statusOf } from './waiting-reasons/read-reason.ts';

const PING_EVERY_MS = 2_000;
const LONG_MS = 600_000;
const START_AHEAD_MS = 4_000;
const START_LATE_MAX_MS = 2_000;

const checks = startChecks();
await using started = new AsyncDisposableStack();
const folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard-waiting-'));
started.defer(() => rm(folder, { recursive: true, force: true }));
const { switchyard } = started.use(await openSystem(CONFIG));
const { apiUrl, apiKey, gatewayUrl } = switchyard;
const call = callsTo(apiUrl, apiKey);
const over = new AbortController();
started.defer(() => over.abort());

const tokenFor = async (endpoint: string): Promise<string> =>
  (await makeKey(call, { scopes: ['worker'], endpoints: [endpoint] })).key;

const workerOf = async (
  endpoint: string,
  { concurrency = 1, workMs = 0 },
): Promise<JournalWorker> => {
  const token = await tokenFor(endpoint);
  const workerId = `worker-${endpoint}`;
  const worker = { gatewayUrl, endpoint, token, workerId, concurrency, workMs, folder };
  return started.use(startJournalWorker(worker));
};

/** A worker that goes on pinging and never asks for a job. */
const ping = async (endpoint: string, query: string): Promise<void> => {
  const token = await tokenFor(endpoint);
  const worker = rawWorker({ gatewayUrl, endpoint, token, workerId: `pings-${endpoint}` });
  await worker.untilLetIn();
  const goOn = async (): Promise<void> => {
    while (!over.signal.aborted) {
      await worker.send('GET', 'ping', query).catch(() => undefined);
      await pause(PING_EVERY_MS, undefined, { signal: over.signal }).catch(() => undefined);
    }
  };
  void goOn();
};

const untilRunning = async (endpoint: string, job: string): Promise<void> => {
  while ((await statusOf(call, endpoint, job)).status !== 'IN_PROGRESS') await pause(50);
};

const send = (endpoint: string, policy = {}): Promise<string> =>
  submit(call, endpoint, { input: 1, policy });
const low = { lowPriority: true };

/** Brings each endpoint about and names the job that waits there. */
const provoke = async (): Promise<Expected[]> => {
  await workerOf('limited', { concurrency: 4, workMs: LONG_MS });
  await workerOf('busy', { workMs: LONG_MS });
  await ping('unhealthy', '?status=unhealthy&check=gpu&reason=too%20hot');
  await ping('next', '');
  for (const endpoint of ['limited', 'busy']) await untilRunning(endpoint, await send(endpoint));
  const startAfter = new Date(Date.now() + 3_600_000).toISOString();
  const one = async (
    endpoint: string,
    reason: string | RegExp,
    policy = {},
    position = 1,
  ): Promise<Expected> => ({ endpoint, job: await send(endpoint, policy), reason, position });
  const none = 'There is no worker yet.';
  const lowNone = 'There is no worker yet, and low priority starts none.';
  return [
    await one('before-start', `Its start time has not come: ${startAfter}.`, { startAfter }),
    await one('limited', 'The endpoint runs as many jobs as its limit allows: 1.'),
    await one('crashing', /^Workers fail again and again: .*ended with code 3.*no GPU here$/),
    await one('starting', 'Workers are starting.'),
    await one('unhealthy', 'All workers are unhealthy.'),
    await one('low-alone', lowNone, low),
    await one('no-worker', none),
    await one('busy', 'All workers are busy.'),
    await one('busy', 'Low priority waits for high.', low, 2),
    await one('next', 'It is next in line for a free worker.'),
  ];
};

const pausable = await workerOf('paused', {});
const expected = await provoke();
const cells = await Promise.all(expected.map((one) => readReason(call, one)));
await call('POST /v1/endpoints/no-worker/pause', { body: {} });
const [, , , , , , waiting] = expected;
if (waiting === undefined) throw new TypeError('a job waits for a worker');
cells.push(await readReason(call, { ...waiting, reason: 'The endpoint is paused.' }));
checks.table('reasons read from /status', cells);
checks.check(
  cells.length === WAITING_CAUSES.length,
  'causes provoked',
  cells.length,
  `all ${WAITING_CAUSES.length} that there are`,
);

const health = await call('GET /v2/crashing/health');
const { throttled } = Object(health.json.workers);
checks.check(throttled === 2, 'workers throttled in /health', throttled, '2, the minimum');

const startAtMs = Date.now() + START_AHEAD_MS;
const later = await send('paused', { startAfter: startAtMs });
const { json } = await endOf(call, 'paused', later);
const delayMs = Number(json.delayTime);
checks.check(
  delayMs >= START_AHEAD_MS - 500 && delayMs <= START_AHEAD_MS + START_LATE_MAX_MS,
  'delayTime of a job that starts later, ms',
  delayMs,
  `from its start ${START_AHEAD_MS} ms ahead to ${START_LATE_MAX_MS} ms after`,
);
for (const { endpoint, job } of expected.slice(0, 1)) {
  const cancelled = await call(`POST /v2/${endpoint}/cancel/${job}`, { body: {} });
  checks.check(
    cancelled.json.status === 'CANCELLED',
    'cancel before the start time',
    String(cancelled.json.status),
    'CANCELLED',
  );
}

await judgeRetention(checks, call);
await judgePause(checks, call, switchyard, pausable);
checks.end();
