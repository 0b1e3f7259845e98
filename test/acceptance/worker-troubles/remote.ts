import { setTimeout as pause } from 'node:timers/promises';
import { textIn } from '../support/call-http.ts';
import { type RawWorker, rawWorker } from '../support/raw-worker.ts';
import { submit } from '../support/setup-calls.ts';
import { between, readJob, showHistory, type Trouble, untilJob } from './history.ts';

const VANISHED_MAX_MS = 45_000;
const LOST_RESULT_MAX_MS = 30_000;
const EXECUTION_TIMEOUT_MS = 15_000;
const HUNG_MAX_MS = EXECUTION_TIMEOUT_MS + 10_000;
const STOP_MAX_MS = 10_000;
const PING_EVERY_MS = 2_000;
const WAIT_MS = 120_000;

const idIn = (body: Buffer): string => {
  const taken: { id?: unknown } = JSON.parse(body.toString());
  if (typeof taken.id !== 'string') throw new Error(`no job in ${body.toString()}`);
  return taken.id;
};

const workerOf = ({ gatewayUrl, token }: Trouble, endpoint: string, workerId: string): RawWorker =>
  rawWorker({ gatewayUrl, endpoint, token, workerId });

/** Pings with `query` until `stop` aborts. */
const keepPinging = async (worker: RawWorker, query: string, stop: AbortSignal): Promise<void> => {
  while (!stop.aborted) {
    await worker.send('GET', 'ping', query);
    await pause(PING_EVERY_MS, undefined, { signal: stop }).catch(() => undefined);
  }
};

/** A worker takes a job and is never heard of again: the job runs on another. */
export const vanish = async (trouble: Trouble): Promise<void> => {
  const { checks, call } = trouble;
  const doomed = workerOf(trouble, 'vanish', 'doomed');
  await doomed.untilLetIn();
  const id = await submit(call, 'vanish', { input: 1 });
  await doomed.take();
  const back = await untilJob(call, id, ({ events }) => events.length >= 3, WAIT_MS);
  const [, , lost] = back.events;
  const tookMs = between(back, 2, 3);
  const isTold = lost?.event === 'requeued' && lost.reason === 'worker_lost' && lost.spent === true;
  checks.check(isTold, 'vanished worker: history', lost?.text ?? 'none', 'worker_lost, spent');
  checks.check(
    tookMs <= VANISHED_MAX_MS,
    'vanished worker: from the start to the queue, in s',
    (tookMs / 1_000).toFixed(1),
    `at most ${VANISHED_MAX_MS / 1_000}`,
  );
  const other = workerOf(trouble, 'vanish', 'other');
  await other.done(idIn(await other.take()), Buffer.from('{"output":"saved"}'));
  const done = await untilJob(call, id, ({ status }) => status === 'COMPLETED', WAIT_MS);
  const ran = `${done.status} by ${done.workerId}, attempt ${done.attempt}`;
  checks.check(ran === 'COMPLETED by other, attempt 2', 'vanished worker: end', ran, 'other, 2');
  const late = await doomed.done(id, Buffer.from('{"output":"late"}'));
  checks.check(
    late.status === 200 && late.body.includes('"accepted":false'),
    'vanished worker: its late result',
    `${late.status} ${late.body.toString()}`,
    '200, not accepted',
  );
  await showHistory(trouble, 'vanished worker', done);
};

/** A worker lists the job for ever and never posts: the job ends by its executionTimeout. */
export const hang = async (trouble: Trouble): Promise<void> => {
  const { checks, call } = trouble;
  const hung = workerOf(trouble, 'hang', 'hung');
  await hung.untilLetIn();
  const policy = { executionTimeout: EXECUTION_TIMEOUT_MS };
  const id = await submit(call, 'hang', { input: 1, policy });
  await hung.take();
  const stop = new AbortController();
  const pinging = keepPinging(hung, `?job_id=${id}`, stop.signal);
  const isEnded = ({ status }: { status: string }) => status === 'TIMED_OUT';
  const ended = await untilJob(call, id, isEnded, WAIT_MS);
  const told = await hung.send('GET', 'job-stop');
  stop.abort();
  await pinging;
  const tookMs = between(ended, 2, 3);
  checks.check(
    tookMs <= HUNG_MAX_MS,
    'result never posted, job listed: until TIMED_OUT, in s',
    (tookMs / 1_000).toFixed(1),
    `at most ${HUNG_MAX_MS / 1_000}`,
  );
  const isTold = told.status === 200 && told.body.includes(id);
  checks.check(isTold, 'its worker is told to stop', told.body.toString(), id);
  await showHistory(trouble, 'result never posted, job listed', ended);
};

/** A worker drops each job and goes on pinging without it: the attempts are spent. */
export const drop = async (trouble: Trouble): Promise<void> => {
  const { checks, call } = trouble;
  const careless = workerOf(trouble, 'drop', 'careless');
  await careless.untilLetIn();
  const stop = new AbortController();
  const pinging = keepPinging(careless, '', stop.signal);
  const id = await submit(call, 'drop', { input: 1 });
  for (let attempt = 1; attempt <= 2; attempt += 1) await careless.take();
  const failed = await untilJob(call, id, ({ status }) => status === 'FAILED', WAIT_MS);
  stop.abort();
  await pinging;
  const [, , first, , second] = failed.events;
  const reasons = [first?.reason, second?.reason].join();
  checks.check(
    reasons === 'result_lost,result_lost' && second?.event === 'failed',
    'result never posted, job not listed: history',
    `${first?.text} ${second?.text}`,
    'result_lost twice, then failed',
  );
  const slowestMs = Math.max(between(failed, 2, 3), between(failed, 4, 5));
  checks.check(
    slowestMs <= LOST_RESULT_MAX_MS,
    'result never posted, job not listed: until it is known, in s',
    (slowestMs / 1_000).toFixed(1),
    `at most ${LOST_RESULT_MAX_MS / 1_000}`,
  );
  checks.check(failed.error !== undefined, 'its error', failed.error ?? 'none', 'a sentence');
  await showHistory(trouble, 'result never posted, job not listed', failed);
};

/** A worker lists a job that another holds: it gets a stop, and the job is not touched. */
export const listForeign = async (trouble: Trouble): Promise<void> => {
  const { checks, call } = trouble;
  const holder = workerOf(trouble, 'list', 'holder');
  await holder.untilLetIn();
  const id = await submit(call, 'list', { input: 1 });
  await holder.take();
  const liar = workerOf(trouble, 'list', 'liar');
  const stop = new AbortController();
  const startedMs = performance.now();
  const pinging = keepPinging(liar, `?job_id=${id}`, stop.signal);
  const holding = keepPinging(holder, `?job_id=${id}`, stop.signal);
  const told = await liar.send('GET', 'job-stop');
  const tookMs = performance.now() - startedMs;
  const isTold = told.status === 200 && told.body.includes(id);
  checks.check(isTold, 'job listed but not held: stop', told.body.toString(), id);
  checks.check(
    tookMs <= STOP_MAX_MS,
    'job listed but not held: until the stop, in s',
    (tookMs / 1_000).toFixed(1),
    `at most ${STOP_MAX_MS / 1_000}`,
  );
  const foreign = await liar.done(id, Buffer.from('{"output":"stolen"}'));
  const isRefused = foreign.body.includes('"accepted":false');
  checks.check(
    isRefused,
    'job listed but not held: its result',
    foreign.body.toString(),
    'refused',
  );
  await holder.done(id, Buffer.from('{"output":"own"}'));
  stop.abort();
  await Promise.all([pinging, holding]);
  const output = textIn(await call(`GET /v2/list/status/${id}`), 'output');
  checks.check(output === 'own', 'job listed but not held: output', output, 'own');
  await showHistory(trouble, 'job listed but not held', await readJob(call, id));
};
