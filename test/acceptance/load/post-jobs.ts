/** The client of a load, as a process of its own: posts jobs, repeats failed posts, keeps acks. */
import { fsync, openSync, writeSync } from 'node:fs';
import http from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import {
  inputOf,
  type PostedSecond,
  type PostingPlan,
  type PostingReport,
} from './posting-plan.ts';

const plan: PostingPlan = JSON.parse(process.argv[2] ?? '');
const POST_TIMEOUT_MS = 30_000;

type Reply = { readonly ok: true; readonly id: string } | { readonly ok: false; why: string };

const agent = new http.Agent({ keepAlive: true, maxSockets: plan.concurrency });
const url = new URL(`${plan.apiUrl}/v2/${plan.endpoint}/run`);

const bodyOf = (n: number): string => {
  const { webhook } = plan;
  const hook =
    webhook === undefined || n % webhook.every !== 0
      ? ''
      : `,"webhook":${JSON.stringify(webhook.url)}`;
  return `{"input":${plan.input ?? inputOf(n)}${hook}}`;
};

const readReply = (status: number, text: string): Reply => {
  let body: { id?: unknown; code?: unknown } = {};
  try {
    body = JSON.parse(text);
  } catch {
    // Told by its status below.
  }
  if (status === 200 && typeof body.id === 'string') return { ok: true, id: body.id };
  return { ok: false, why: `${status} ${typeof body.code === 'string' ? body.code : ''}`.trim() };
};

const postOnce = (n: number): Promise<Reply> =>
  new Promise((resolve) => {
    const body = bodyOf(n);
    const fail = (error: NodeJS.ErrnoException) =>
      resolve({ ok: false, why: error.code ?? error.message });
    const request = http.request(url, {
      agent,
      method: 'POST',
      timeout: POST_TIMEOUT_MS,
      headers: {
        authorization: `Bearer ${plan.apiKey}`,
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        ...(plan.keyPrefix === undefined ? {} : { 'idempotency-key': `${plan.keyPrefix}${n}` }),
      },
    });
    request.on('error', fail);
    request.on('timeout', () => request.destroy(new Error('timeout')));
    request.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('error', fail);
      response.on('data', (piece: string) => {
        text += piece;
      });
      response.on('end', () => resolve(readReply(response.statusCode ?? 0, text)));
    });
    request.end(body);
  });

/** Lines that come while one is being forced to disk go together with the next. */
const openAcknowledged = (file: string) => {
  const descriptor = openSync(file, 'a');
  let waiting: { line: string; done: () => void }[] = [];
  let busy = false;
  const flush = (): void => {
    if (busy || waiting.length === 0) return;
    busy = true;
    const batch = waiting;
    waiting = [];
    writeSync(descriptor, batch.map(({ line }) => line).join(''));
    fsync(descriptor, (error) => {
      if (error !== null) throw error;
      for (const { done } of batch) done();
      busy = false;
      flush();
    });
  };
  return (line: string): Promise<void> =>
    new Promise((done) => {
      waiting.push({ line, done });
      flush();
    });
};

const acknowledge = openAcknowledged(plan.acknowledgedPath);
const acceptMs: number[] = [];
const failures: Record<string, number> = {};
let acknowledged = 0;
let givenUp = 0;
let retries = 0;

const seconds: PostedSecond[] = [];
const noteSecond = (tookMs: number): void => {
  const second = Math.floor((performance.now() - startedMs) / 1_000);
  const before = seconds[second] ?? { acknowledged: 0, slowestMs: 0 };
  seconds[second] = {
    acknowledged: before.acknowledged + 1,
    slowestMs: Math.max(before.slowestMs, tookMs),
  };
};

const post = async (n: number): Promise<void> => {
  for (let tries = 0; ; tries += 1) {
    const sentMs = performance.now();
    const reply = await postOnce(n);
    if (reply.ok) {
      const tookMs = performance.now() - sentMs;
      acceptMs.push(tookMs);
      noteSecond(tookMs);
      await acknowledge(`${n} ${reply.id}\n`);
      acknowledged += 1;
      return;
    }
    failures[reply.why] = (failures[reply.why] ?? 0) + 1;
    const waitMs = plan.retryAfterMs[tries];
    if (waitMs === undefined) {
      givenUp += 1;
      return;
    }
    retries += 1;
    await pause(waitMs);
  }
};

const beganAtMs = Date.now();
const startedMs = performance.now();
let next = 0;
// What was begun is posted still.
process.once('SIGTERM', () => {
  next = plan.count;
});
const lane = async (): Promise<void> => {
  while (next < plan.count) {
    const n = next;
    next += 1;
    if (plan.perSecond !== undefined) {
      const dueMs = startedMs + (n * 1_000) / plan.perSecond;
      if (dueMs > performance.now()) await pause(dueMs - performance.now());
    }
    await post(n);
  }
};
await Promise.all(Array.from({ length: plan.concurrency }, lane));
agent.destroy();
acceptMs.sort((a, b) => a - b);
const quantile = (part: number): number =>
  acceptMs[Math.min(acceptMs.length - 1, Math.floor(part * acceptMs.length))] ?? 0;
const report: PostingReport = {
  acknowledged,
  givenUp,
  retries,
  failures,
  acceptP50Ms: quantile(0.5),
  acceptP99Ms: quantile(0.99),
  elapsedMs: performance.now() - startedMs,
  beganAtMs,
  seconds: Array.from(seconds, (second) => second ?? { acknowledged: 0, slowestMs: 0 }),
};
console.log(JSON.stringify(report));
