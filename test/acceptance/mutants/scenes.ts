import { setTimeout as pause } from 'node:timers/promises';
import { newJobId } from '@switchyard/contracts';
import pg from 'pg';
import { waitForQuiet } from '../../fault/wait-for-quiet.ts';
import { openProducer } from '../../support/open-producer.ts';
import { makeCanary } from '../support/canaries.ts';
import { rawWorker } from '../support/raw-worker.ts';
import { exchange, type Post } from './exchange.ts';
import { type Stage, sha256, submit, untilState } from './stage.ts';
import { startWorker } from './start-worker.ts';

const ENDS = ['COMPLETED', 'FAILED', 'CANCELLED', 'TIMED_OUT'];
const END_WAIT_MS = 20_000;
/** How long a job that a kill took from its worker may take to come back. */
const FLOW_END_WAIT_MS = 60_000;

const FLOW_JOBS = 120;
const FLOW_EVERY_MS = 40;
const RIVAL_POSTS = 4;

/** Jobs of all sorts at a steady rate: keyed posts at once, webhooks, streams, secrets, retries. */
export const flow = async (stage: Stage): Promise<void> => {
  const { folder, webhookUrl } = stage;
  await using _ = startWorker({ ...stage.asker('flow', 'flow-one'), concurrency: 3, folder });
  const living: Promise<void>[] = [];
  for (let n = 0; n < FLOW_JOBS; n += 1) {
    living.push(liveJob(stage, n, webhookUrl));
    await pause(FLOW_EVERY_MS);
  }
  await Promise.all(living);
};

const liveJob = async (stage: Stage, n: number, webhookUrl: string): Promise<void> => {
  const endpoint = 'flow';
  const doing = n % 10 === 9 ? 'fail' : 'echo';
  const [ms, chunks] = [20 + (n % 4) * 20, n % 7 === 0 ? 3 : 0];
  const input = `{"do":"${doing}","n":${n},"ms":${ms},"chunks":${chunks}}`;
  const secrets = n % 4 === 0 ? [makeCanary(), makeCanary()] : [];
  const more = {
    policy: { lowPriority: n % 6 === 0 },
    ...(n % 3 === 0 ? { webhook: `${webhookUrl}/flow/${n % 9 === 0 ? '500-200' : '200'}` } : {}),
    ...(secrets.length > 0 ? { s3Config: { accessId: secrets[0], accessSecret: secrets[1] } } : {}),
  };
  const posts = n % 5 === 0 ? RIVAL_POSTS : 1;
  const submission = { endpoint, input, key: `flow-${n}`, more, secrets } as const;
  const ids = await Promise.all(Array.from({ length: posts }, () => submit(stage, submission)));
  const [jobId = ''] = ids;
  const end = await untilState(stage, endpoint, jobId, ENDS, FLOW_END_WAIT_MS);
  const path = (verb: string): string => `POST /v2/${endpoint}/${verb}/${jobId}`;
  if (end === 'COMPLETED' && n % 8 === 1) {
    await stage.ask({ kind: 'cancel', endpoint, jobId }, path('cancel'), { body: '{}' });
  }
  if (end === 'FAILED') {
    await stage.ask({ kind: 'retry', endpoint, jobId }, path('retry'), { body: '{}' });
    await untilState(stage, endpoint, jobId, ['FAILED'], FLOW_END_WAIT_MS);
  }
};

const MESSAGES = 150;

/** A producer's messages of the numbers from `first` up to `end`. */
const burst = async (stage: Stage, first: number, end: number): Promise<void> => {
  const producer = await openProducer(stage.nats.url);
  const endpoint = 'rivals';
  const publish = async (n: number): Promise<void> => {
    const [input, id, atMs] = [`{"do":"echo","burst":${n}}`, `burst-${n}`, Date.now()];
    await producer.publish({ endpoint, body: `{"input":${input}}`, id });
    const times = { atMs, endedAtMs: Date.now() };
    const what = { kind: 'submit', via: 'broker', endpoint, key: id } as const;
    stage.note({ ...what, ...times, outcome: 'ok', inputSha256: sha256(input) });
  };
  await Promise.all(Array.from({ length: end - first }, (_, n) => publish(first + n)));
  await producer[Symbol.asyncDispose]();
};

/** A backlog of which most runs out of time while one worker works it off. */
export const expiry = async (stage: Stage): Promise<void> => {
  const { folder } = stage;
  const jobs = Array.from({ length: 240 }, (_, n) =>
    submit(stage, {
      ...{ endpoint: 'expiry', key: `expiry-${n}`, input: `{"do":"echo","ms":40,"late":${n}}` },
      more: { policy: { ttl: 10_000 } },
    }),
  );
  await Promise.all(jobs);
  await using _ = startWorker({ ...stage.asker('expiry', 'expiry-one'), concurrency: 2, folder });
  await pause(11_500);
};

/** A purge while one job runs and others wait. */
export const purge = async (stage: Stage): Promise<void> => {
  const { folder } = stage;
  await using _ = startWorker({ ...stage.asker('purged', 'purged-one'), concurrency: 1, folder });
  const endpoint = 'purged';
  const ids: string[] = [];
  for (let n = 0; n < 5; n += 1) {
    const input = `{"do":"echo","ms":1500,"n":${n}}`;
    ids.push(await submit(stage, { endpoint, key: `purge-${n}`, input }));
  }
  await untilState(stage, endpoint, ids[0] ?? '', ['IN_PROGRESS', ...ENDS], END_WAIT_MS);
  await stage.ask({ kind: 'purge', endpoint }, `POST /v2/${endpoint}/purge-queue`, { body: '{}' });
  for (const id of ids) await untilState(stage, endpoint, id, ENDS, END_WAIT_MS);
};

/** The largest number that a claim may have; no claim has it. */
const NOT_CLAIMED = 2_147_483_647;
const ROGUES = 12;

/** A job for which a stranger posts a result, while many post for no claim at all. */
export const strangers = async (stage: Stage): Promise<void> => {
  const { folder } = stage;
  const endpoint = 'rivals';
  await using _ = startWorker({ ...stage.asker(endpoint, 'holder'), concurrency: 4, folder });
  const foreign = rawWorker(stage.asker(endpoint, 'stranger'));
  await foreign.untilLetIn();
  for (let n = 0; n < 5; n += 1) {
    const input = `{"do":"echo","ms":500,"foreign":${n}}`;
    const jobId = await submit(stage, { endpoint, key: `foreign-${n}`, input });
    await untilState(stage, endpoint, jobId, ['IN_PROGRESS', ...ENDS], END_WAIT_MS);
    await foreign.done(jobId, Buffer.from('{"output":"of a stranger"}'));
    const ending = new AbortController();
    const pestering = Array.from({ length: ROGUES }, async (_, at) => {
      const rogue = stage.asker(endpoint, `rogue-${at}`);
      // Of a job of its own: posts of one job wait for each other.
      const job = newJobId('async');
      const bad: Post = { job, claimNo: NOT_CLAIMED, kind: 'output', body: '1' };
      while (!ending.signal.aborted) await exchange(rogue, { free: 0, held: [], posts: [bad] });
    });
    await untilState(stage, endpoint, jobId, ENDS, END_WAIT_MS);
    ending.abort();
    await Promise.all(pestering);
  }
};

/** Breaks one thing, waits, mends it, and writes down from when to when it was broken. */
const breakOnce = async (
  { noteFault }: Stage,
  target: string,
  kill: () => Promise<void>,
  start: () => Promise<void>,
): Promise<void> => {
  const atMs = Date.now();
  await kill();
  await pause(DOWN_MS);
  await start();
  noteFault({ kind: 'kill', target, atMs, endedAtMs: Date.now() });
};

const DOWN_MS = 500;
const KILL_AFTER_MS = 2_000;

/** The whole service is killed, and then the broker, while jobs of all sorts flow. */
export const breakages = async (stage: Stage): Promise<void> => {
  const { service, nats } = stage;
  const flowing = flow(stage);
  await pause(KILL_AFTER_MS);
  await breakOnce(stage, 'service', () => service.end('SIGKILL'), service.start);
  await pause(KILL_AFTER_MS);
  await breakOnce(stage, 'broker', nats.kill, nats.start);
  await flowing;
};

/** Long enough for messages to be taken from the broker, in ms. */
const TAKE_MS = 200;

/** The whole service is killed when it had one burst of messages, and has another in hand. */
export const crash = async (stage: Stage): Promise<void> => {
  const { folder, service, databaseUrl } = stage;
  await using _ = startWorker({ ...stage.asker('rivals', 'rival-one'), concurrency: 8, folder });
  await burst(stage, 0, MESSAGES / 2);
  await pause(TAKE_MS);
  await burst(stage, MESSAGES / 2, MESSAGES);
  await breakOnce(stage, 'service', () => service.end('SIGKILL'), service.start);
  await untilTaken(databaseUrl);
  await waitForQuiet(databaseUrl, END_WAIT_MS);
};

/** What was in hand comes again once the broker has given up on whoever had it. */
const TAKEN_MAX_MS = 50_000;

const untilTaken = async (databaseUrl: string): Promise<void> => {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const untilMs = performance.now() + TAKEN_MAX_MS;
  const sql = `select from jobs where endpoint_id = 'rivals'`;
  while ((await client.query(sql)).rowCount !== MESSAGES && performance.now() < untilMs) {
    await pause(200);
  }
  await client.end();
};
