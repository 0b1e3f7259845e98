/** The load generator: one process, kept connections, one request under way on each. */
import { setTimeout as pause } from 'node:timers/promises';
import { quantile } from '../figures.ts';
import { type HttpConnection, openHttpConnection } from '../http-connection.ts';
import type { LoadPlan, LoadReport } from '../load-plan.ts';
import { nowUs, STAMP } from '../payload.ts';
import { openParent, readPlan } from './parent.ts';

const plan = readPlan<LoadPlan>();
const parent = openParent();
const origin = new URL(plan.origin);
const stampName = STAMP.slice(0, -1);

const head = (path: string, bodyBytes: number | undefined): string =>
  [
    `${plan.method} ${path} HTTP/1.1`,
    `Host: ${origin.host}`,
    ...Object.entries(plan.headers).map(([name, value]) => `${name}: ${value}`),
    ...(bodyBytes === undefined
      ? []
      : ['Content-Type: application/json', `Content-Length: ${bodyBytes}`]),
    '',
    '',
  ].join('\r\n');

const requestOf = (path: string): Buffer => {
  const body = plan.body ?? '';
  const bytes = plan.body === undefined ? undefined : Buffer.byteLength(body);
  return Buffer.from(head(path, bytes) + body);
};

const isStamped = plan.body?.includes(STAMP) ?? false;
const fixed = plan.paths.map(requestOf);
/** The bytes of request `n`; where it tells its moment of sending they are made now. */
const bytesOf = (n: number): Buffer => {
  const at = n % plan.paths.length;
  if (!isStamped) return fixed[at] ?? Buffer.alloc(0);
  const body = (plan.body ?? '').replace(STAMP, `${stampName}${nowUs()}`);
  return Buffer.from(head(plan.paths[at] ?? '/', Buffer.byteLength(body)) + body);
};

const latenciesMs: number[] = [];
const ids: string[] = [];
const refusals: Record<string, { count: number; first: string }> = {};

const note = (status: number, body: Buffer): void => {
  if (status >= 200 && status < 300) {
    if (plan.keepIds === true) ids.push(/"id":"([^"]+)"/.exec(body.toString('latin1'))?.[1] ?? '');
    return;
  }
  refusals[status] ??= { count: 0, first: body.toString().slice(0, 300) };
  refusals[status].count += 1;
};

type Lane = { send: (n: number) => Promise<void>; close: () => void };

const openLane = async (): Promise<Lane> => {
  let answered: PromiseWithResolvers<void> = Promise.withResolvers();
  let sentMs = 0;
  const connection: HttpConnection = await openHttpConnection(
    origin,
    (status, body) => {
      latenciesMs.push(performance.now() - sentMs);
      note(status, body);
      answered.resolve();
    },
    (error) => answered.reject(error),
  );
  return {
    send: (n) => {
      answered = Promise.withResolvers();
      sentMs = performance.now();
      connection.send(bytesOf(n));
      return answered.promise;
    },
    close: connection.close,
  };
};

const lanes = await Promise.all(Array.from({ length: plan.connections }, openLane));

/** Sends from every lane until `more` says no, and at the plan's pace where it has one. */
const drive = async (requests: number, durationMs: number, perSecond?: number): Promise<void> => {
  const startedMs = performance.now();
  let next = 0;
  const run = async (lane: Lane): Promise<void> => {
    while (next < requests && performance.now() - startedMs < durationMs) {
      const n = next;
      next += 1;
      if (perSecond !== undefined) {
        const dueMs = startedMs + (n * 1_000) / perSecond;
        const earlyMs = dueMs - performance.now();
        if (earlyMs > 0) await pause(earlyMs);
      }
      await lane.send(n);
    }
  };
  await Promise.all(lanes.map(run));
};

const ALWAYS = Number.POSITIVE_INFINITY;
parent.say({ kind: 'began' });
if (plan.warmUp !== undefined) await drive(plan.warmUp, ALWAYS);
latenciesMs.length = 0;
ids.length = 0;
const startedUs = nowUs();
await drive(plan.requests ?? ALWAYS, plan.durationMs ?? ALWAYS, plan.perSecond);
const seconds = (nowUs() - startedUs) / 1_000_000;
for (const lane of lanes) lane.close();
const report: LoadReport = {
  startedUs,
  requests: latenciesMs.length,
  perSecond: latenciesMs.length / seconds,
  p50Ms: quantile(latenciesMs, 0.5),
  p99Ms: quantile(latenciesMs, 0.99),
  refusals,
  ids,
};
parent.report(report);
