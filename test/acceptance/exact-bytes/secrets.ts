import { isDeepStrictEqual } from 'node:util';
import { callsTo } from '../support/call-http.ts';
import { countFound } from '../support/canaries.ts';
import type { Checks } from '../support/checks.ts';
import { readFrame } from '../support/exchange-frame.ts';
import type { OpenSystem } from '../support/open-system.ts';
import type { RawWorker } from '../support/raw-worker.ts';
import { endOf, submit } from '../support/setup-calls.ts';
import type { WebhookTarget } from '../support/webhook-target.ts';
import { type Hidden, makeHidden, wrongBodies } from './hidden.ts';
import { askEverything, keepAnswers, tapBroker } from './listen-in.ts';

export type SecretsContext = {
  readonly checks: Checks;
  readonly system: OpenSystem;
  readonly worker: RawWorker;
  /** Asks by the exchange; a worker of its own, since each has one way to ask. */
  readonly other: RawWorker;
  readonly target: WebhookTarget;
  readonly endpoint: string;
};

type Job = Hidden & { readonly id: string };
type Kept = ReturnType<typeof keepAnswers>;

const OUTPUT = Buffer.from('{"output":"done"}');
const ERROR = Buffer.from('{"error":"no"}');

/** The rows of job_secrets in a dump that are of these jobs. */
const secretRows = (dump: string, jobs: readonly Job[]): number => {
  const from = dump.indexOf('COPY public.job_secrets ');
  const rows = dump.slice(from, dump.indexOf('\n\\.\n', from)).split('\n').slice(1);
  if (from < 0) throw new Error('the dump has no table job_secrets');
  return jobs.filter(({ id }) => rows.some((row) => row.includes(id))).length;
};

/** `object` is the part of `taken` that must hold s3Config. */
const checkReceived = (
  checks: Checks,
  { taken, object }: { taken: Buffer; object: unknown },
  job: Job,
  when: string,
): void => {
  const { s3Config } = Object(object);
  const exact = isDeepStrictEqual(s3Config, job.s3Config);
  checks.check(exact, `s3Config at the worker, ${when}`, exact ? 'exact' : 'other', 'exact');
  const unknown = countFound([taken.toString('latin1')], job.unknown);
  checks.check(unknown === 0, `unknown keys at the worker, ${when}`, unknown, 0);
};

const asObject = (taken: Buffer) => ({ taken, object: JSON.parse(taken.toString('utf8')) });

const asFrame = (taken: Buffer) => ({
  taken,
  object: Object(JSON.parse(readFrame(taken).header)).jobs[0],
});

/** Brings one job to each way that a job can go. */
const runJobs = async (context: SecretsContext, { call }: Kept) => {
  const { checks, system, worker, other, target, endpoint } = context;
  const make = async (): Promise<Job> => {
    const hidden = makeHidden(target.url);
    return { ...hidden, id: await submit(call, endpoint, hidden.body) };
  };
  const dumps: string[] = [];
  const gone = async (jobs: readonly Job[], state: string): Promise<void> => {
    const dump = await system.dump();
    dumps.push(dump);
    const rows = secretRows(dump, jobs);
    checks.check(rows === 0, `rows of job_secrets, ${state}`, rows, 0);
  };
  const completed = await make();
  const whileQueued = await system.dump();
  const rows = secretRows(whileQueued, [completed]);
  checks.check(rows === 1, 'rows of job_secrets while queued', rows, 1);
  checkReceived(checks, asObject(await worker.take()), completed, 'first time');
  dumps.push(whileQueued, await system.dump());
  await worker.done(completed.id, OUTPUT);
  await endOf(call, endpoint, completed.id);
  await gone([completed], 'COMPLETED');

  const running = await make();
  await worker.take();
  await call(`POST /v2/${endpoint}/cancel/${running.id}`);
  await gone([running], 'CANCELLED while running');

  const failed = await make();
  await worker.take();
  await worker.done(failed.id, ERROR);
  await endOf(call, endpoint, failed.id);
  await call(`POST /v2/${endpoint}/retry/${failed.id}`);
  checkReceived(checks, asObject(await worker.take()), failed, 'after a retry');
  await worker.done(failed.id, ERROR);

  const exchanged = await make();
  checkReceived(checks, asFrame(await other.exchange()), exchanged, 'by our own exchange');
  await other.done(exchanged.id, OUTPUT);
  await endOf(call, endpoint, exchanged.id);
  await gone([exchanged], 'COMPLETED by our own exchange');

  const queued = await make();
  await call(`POST /v2/${endpoint}/cancel/${queued.id}`);
  const purged = await make();
  await call(`POST /v2/${endpoint}/purge-queue`);
  await gone([queued, purged], 'CANCELLED while queued, by /cancel and by /purge-queue');
  return { jobs: [completed, running, failed, exchanged, queued, purged], dumps };
};

/** Wrong submissions; what they are answered is kept. */
const sendWrong = async (context: SecretsContext, { call }: Kept): Promise<Hidden[]> => {
  const { checks, endpoint, target } = context;
  const hidden = makeHidden(target.url);
  const line = `POST /v2/${endpoint}/run`;
  const cells = await Promise.all(
    wrongBodies(hidden).map(async ({ name, body, status }) => {
      const answer = await call(line, { body });
      const fault = answer.status === status ? undefined : `${answer.status} ${answer.text}`;
      return { name, fault };
    }),
  );
  checks.table('submissions with a wrong s3Config are refused', cells);
  await call(line, { body: hidden.body, key: 'wrong' });
  await call('POST /v2/no-such-endpoint/run', { body: hidden.body });
  await call(line, { body: hidden.body, headers: { 'content-type': 'text/plain' } });
  const once = { 'idempotency-key': 'once' };
  await call(line, { body: makeHidden(target.url).body, headers: once });
  const other = await call(line, { body: hidden.body, headers: once });
  checks.check(other.status === 422, 'an Idempotency-Key with another s3Config', other.status, 422);
  return [hidden];
};

/** Nothing unknown and nothing of s3Config is found anywhere but at the worker. */
export const checkSecrets = async (context: SecretsContext): Promise<void> => {
  const { checks, system, target, endpoint } = context;
  const { switchyard } = system;
  await using tap = await tapBroker(system.nats.url);
  const kept = keepAnswers(callsTo(switchyard.apiUrl, switchyard.apiKey));
  const { jobs, dumps } = await runJobs(context, kept);
  const wrong = await sendWrong(context, kept);
  for (const { id } of jobs) await target.bodyFor(id);
  const ids = jobs.map(({ id }) => id);
  const asked = await askEverything({ switchyard, call: kept.call, endpoint, jobs: ids });
  const [first] = jobs;
  dumps.push(await system.dump());
  const canaries = [...jobs, ...wrong].flatMap(({ unknown, secrets }) => [...unknown, ...secrets]);
  const places: Readonly<Record<string, readonly string[]>> = {
    [`${dumps.length} pg_dumps`]: dumps,
    'the logs of all services': [await switchyard.logs()],
    [`${kept.heard.length} answers of ${asked.routes} GET routes and the rest`]: kept.heard,
    'event streams and metrics': asked.texts,
    [`${target.bodies().length} webhooks`]: target.bodies().map(String),
    [`${tap.passed.length} broker messages`]: tap.passed,
  };
  for (const [place, texts] of Object.entries(places)) {
    const found = countFound(texts, canaries);
    checks.check(
      found === 0 && texts.length > 0,
      `${canaries.length} canaries in ${place}`,
      found,
      0,
    );
  }
  const controls = jobs.map(({ control }) => control);
  const found = countFound(dumps, controls);
  checks.check(found === jobs.length, 'inputs found in the dumps', found, jobs.length);
  const own = countFound([JSON.stringify(first?.s3Config)], first?.secrets ?? []);
  checks.check(own === 5, 'values found in an s3Config', own, 5);
};
