/** The generator of an overload, as a process of its own: offers jobs and counts the answers. */
import { appendFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { type HttpConnection, openHttpConnection } from '../../bench/http-connection.ts';
import { countAnswers } from './count-answers.ts';
import type { OfferPlan, OfferReport } from './offer-plan.ts';

const plan: OfferPlan = JSON.parse(process.argv[2] ?? '');
const { pace } = plan;
const PACE_EVERY_MS = 5;
const LOOK_EVERY_MS = 100;
const OPEN_AGAIN_MS = 100;
const LAST_ANSWERS_MS = 10_000;
const QUEUED = /"inQueue":(\d+)/;
const ID = /"id":"([^"]+)"/;

const origin = new URL(plan.apiUrl);
const fields = `host: ${origin.host}\r\nauthorization: Bearer ${plan.apiKey}\r\n`;
const body = JSON.stringify({ input: { text: 'What is asked of a model fits on a few lines.' } });
const RUN = Buffer.from(
  `POST /v2/${plan.endpoint}/run HTTP/1.1\r\n${fields}content-type: application/json\r\n` +
    `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
);
const HEALTH = Buffer.from(`GET /v2/${plan.endpoint}/health HTTP/1.1\r\n${fields}\r\n`);

const counts = countAnswers();
const failures: Record<string, number> = {};
const idle: (() => void)[] = [];
let acknowledged: string[] = [];
let sent = 0;
let unsent = 0;
let underWay = 0;
let isOver = false;

const keepAcknowledged = (): void => {
  if (acknowledged.length > 0) appendFileSync(plan.acknowledgedPath, acknowledged.join(''));
  acknowledged = [];
};

const hear = (status: number, answer: Buffer, head: string, tookMs: number): void => {
  counts.hear(status, answer, head, tookMs);
  if (status !== 200) return;
  acknowledged.push(`${ID.exec(answer.toString('latin1'))?.[1] ?? 'none'}\n`);
  if (acknowledged.length >= 1_000) keepAcknowledged();
};

/** One connection, with one request under way at most; a broken one is opened again. */
const openLane = async (): Promise<void> => {
  let sentMs: number | undefined;
  let connection: HttpConnection | undefined;
  const send = (): void => {
    sentMs = performance.now();
    sent += 1;
    underWay += 1;
    connection?.send(RUN);
  };
  const free = (): void => {
    if (isOver) return;
    if (pace.kind === 'most') send();
    else idle.push(send);
  };
  const heard = (status: number, answer: Buffer, head: string): void => {
    hear(status, answer, head, performance.now() - (sentMs ?? 0));
    sentMs = undefined;
    underWay -= 1;
    free();
  };
  const failed = (error: Error): void => {
    connection?.close();
    const index = idle.indexOf(send);
    if (index >= 0) idle.splice(index, 1);
    if (sentMs !== undefined) {
      underWay -= 1;
      failures[error.message] = (failures[error.message] ?? 0) + 1;
    }
    sentMs = undefined;
    setTimeout(() => void openLane().catch(failed), OPEN_AGAIN_MS).unref();
  };
  connection = await openHttpConnection(origin, heard, failed);
  free();
};

const offer = (count: number): void => {
  for (let n = 0; n < count; n += 1) {
    const send = idle.pop();
    if (send === undefined) unsent += 1;
    else send();
  }
};

const pacePerSecond = async (requests: number): Promise<void> => {
  const fromMs = performance.now();
  let offered = 0;
  while (performance.now() - fromMs < plan.forMs) {
    const due = Math.floor(((performance.now() - fromMs) * requests) / 1_000) - offered;
    offered += due;
    offer(due);
    await pause(PACE_EVERY_MS);
  }
};

let leastWaiting: number | undefined;
const keepWaiting = async (jobs: number): Promise<void> => {
  let tell: (waiting: number) => void = () => undefined;
  const health = await openHttpConnection(
    origin,
    (_status, answer) => tell(Number(QUEUED.exec(answer.toString('latin1'))?.[1])),
    (error) => {
      throw error;
    },
  );
  const fromMs = performance.now();
  while (performance.now() - fromMs < plan.forMs) {
    const { promise, resolve } = Promise.withResolvers<number>();
    tell = resolve;
    health.send(HEALTH);
    const waiting = await promise;
    // The first look finds an empty queue.
    if (sent > 0) leastWaiting = Math.min(leastWaiting ?? waiting, waiting);
    offer(Math.min(idle.length, Math.max(0, jobs - waiting - underWay)));
    await pause(LOOK_EVERY_MS);
  }
  health.close();
};

const beganAtMs = Date.now();
await Promise.all(Array.from({ length: plan.connections }, openLane));
if (pace.kind === 'perSecond') await pacePerSecond(pace.requests);
else if (pace.kind === 'keepWaiting') await keepWaiting(pace.jobs);
else await pause(plan.forMs);
isOver = true;
const endedAtMs = Date.now();
while (underWay > 0 && Date.now() - endedAtMs < LAST_ANSWERS_MS) await pause(PACE_EVERY_MS);
if (underWay > 0) failures['no answer at the end'] = underWay;
keepAcknowledged();
const report: OfferReport = {
  beganAtMs,
  endedAtMs,
  sent,
  unsent,
  answers: counts.figures(),
  withoutRetryAfter: counts.withoutRetryAfter(),
  failures,
  leastWaiting,
};
process.stdout.write(JSON.stringify(report), () => process.exit(0));
