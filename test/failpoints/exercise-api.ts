/** Asks for everything that a server can be asked for, again and again, whatever it answers. */
import { createHash, randomUUID } from 'node:crypto';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { WORKER } from '../fault/ground.ts';
import { type Operation, openJournal } from '../fault/history.ts';
import { type AskApi, openApi, type Reply } from '../fault/load/ask-api.ts';
import { factOf } from '../fault/load/client.ts';
import { openProducer } from '../support/open-producer.ts';

export type Exercise = {
  readonly apiUrl: string;
  readonly gatewayUrl: string;
  readonly apiKey: string;
  readonly brokerUrl: string;
  /** Of the history that jobs made here are written into. */
  readonly folder: string;
  readonly stop: AbortSignal;
};

/** What `switchyard.yaml` says of endpoints that only this asks for. */
export const exercised = (folder: string) => ({
  endpoints: `  crashing:
    name: Crashing
    worker: { template: crashing, concurrency: 1, minimum: 1, maximum: 1 }
  ${PASSING}kept: { name: Kept for a second, retentionMs: 1000 }
  leaving:
    name: Leaving
    worker: { template: leaving, concurrency: 2, minimum: 1, maximum: 1 }`,
  templates: `  crashing: { command: [node, -e, 'process.exit(1)'] }
  leaving: { command: [node, ${WORKER}, ${folder}, leaving] }`,
});

/** How endpoints are named that come and go, or whose jobs do: no history tells of them. */
export const PASSING = 'passing-';

const TURN_MS = 1_500;
const SENT_WITHIN_MS = 500;
/** A port where nothing listens. */
const NOWHERE = 'http://127.0.0.1:1/';
const SHORT_MS = 3_000;
const BIG_INPUT_BYTES = 100_000;
const SHORT_LIVED = { ttl: 10_000 };
const STATUSES = ['IN_QUEUE', 'IN_PROGRESS', 'COMPLETED', 'FAILED', 'CANCELLED', 'TIMED_OUT'];

type Parts = Exercise & {
  readonly api: AskApi;
  readonly write: (fact: Operation) => void;
  readonly turn: number;
};

/** Goes on until `stop` aborts. It never rejects because of what is answered. */
export const exerciseApi = async (exercise: Exercise): Promise<void> => {
  using api = openApi(exercise.apiUrl, exercise.apiKey);
  using journal = openJournal<Operation>(path.join(exercise.folder, 'operations'));
  for (let turn = 0; !exercise.stop.aborted; turn += 1) {
    const parts = { ...exercise, api, write: journal.write, turn };
    const asking = [manage(parts), look(parts), work(parts), askBroker(parts)];
    asking.push(beWorker(parts), bulk(parts));
    await Promise.all([...asking, pause(TURN_MS)]);
  }
};

/** Many jobs in one request, of an endpoint whose jobs go soon. */
const bulk = async ({ api, turn }: Parts): Promise<void> => {
  const lines = [1, 2].map((n) => JSON.stringify({ input: { turn, n }, policy: SHORT_LIVED }));
  await api.ask({
    line: `POST /v1/endpoints/${PASSING}kept/jobs/bulk`,
    body: `${lines.join('\n')}\n`,
    headers: { 'content-type': 'application/x-ndjson' },
    timeoutMs: SHORT_MS,
  });
};

const textIn = ({ json }: Reply, name: string): string => {
  const value = json[name];
  return typeof value === 'string' ? value : 'none';
};

/** Endpoints and keys: made, read, changed and deleted. */
const manage = async ({ api, turn }: Parts): Promise<void> => {
  const ask = (line: string, body?: object): Promise<Reply> =>
    api.ask({ line, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  const id = `${PASSING}${turn % 3}`;
  await ask('POST /v1/endpoints', { id, retentionMs: 1_000 });
  await ask('GET /v1/endpoints');
  await ask(`GET /v1/endpoints/${id}`);
  await ask(`PATCH /v1/endpoints/${id}`, { name: `Turn ${turn}` });
  const hooked = { input: turn, policy: SHORT_LIVED, webhook: NOWHERE };
  const told = textIn(await ask(`POST /v2/${id}/run`, hooked), 'id');
  await ask(`POST /v2/${id}/cancel/${told}`);
  await ask(`POST /v1/endpoints/${id}/pause`);
  await ask(`POST /v1/endpoints/${id}/resume`);
  // Its first webhook gives an endpoint its first secret.
  await pause(SENT_WITHIN_MS);
  await ask(`POST /v1/endpoints/${id}/webhook-secret`);
  await ask(`GET /v1/endpoints/${id}/deliveries`);
  const kept = `/v2/${PASSING}kept`;
  // Should its id be lost with the answer, nobody cancels it.
  const job = textIn(await ask(`POST ${kept}/run`, { input: turn, policy: SHORT_LIVED }), 'id');
  await ask(`POST ${kept}/cancel/${job}`);
  await ask(`DELETE /v1/endpoints/${id}`);
  const scopes = ['read'];
  const key = textIn(await ask('POST /v1/keys', { name: 'passing', scopes }), 'id');
  await ask('GET /v1/keys');
  await ask(`GET /v1/keys/${key}`);
  await ask(`POST /v1/keys/${key}/revoke`);
  await ask(`DELETE /v1/keys/${key}`);
};

const LOOKS = [
  ...['/v1/workers', '/v1/supervisors', '/v1/audit', '/v1/jobs?limit=5'],
  ...STATUSES.map((status) => `/v1/jobs?status=${status}&limit=5`),
  ...['/v2/main/health', '/v2/main/requests?limit=5', '/healthz', '/readyz', '/metrics'],
  ...['/openapi.json', '/asyncapi.json', '/docs'],
];

const look = async ({ api, gatewayUrl, apiKey }: Parts): Promise<void> => {
  for (const url of LOOKS) await api.ask({ line: `GET ${url}`, timeoutMs: SHORT_MS });
  using gateway = openApi(gatewayUrl, apiKey);
  for (const url of ['/healthz', '/readyz', '/metrics']) {
    await gateway.ask({ line: `GET ${url}`, timeoutMs: SHORT_MS });
  }
};

type Wanted = {
  readonly endpoint: string;
  readonly input: object;
  readonly policy?: Readonly<Record<string, number | boolean>>;
  readonly key?: string;
};

/** Posts a job once and writes it down. @returns its id. */
const submit = async ({ api, write }: Parts, wanted: Wanted): Promise<string> => {
  const { endpoint, policy = {}, key } = wanted;
  const input = JSON.stringify(wanted.input);
  const body = `{"input":${input},"policy":${JSON.stringify(policy)}}`;
  const headers = key === undefined ? {} : { 'idempotency-key': key };
  const reply = await api.ask({ line: `POST /v2/${endpoint}/run`, body, headers });
  write({
    ...{ kind: 'submit', via: 'http', endpoint, ...factOf(reply).fact },
    ...(key === undefined ? {} : { key }),
    inputSha256: createHash('sha256').update(input).digest('hex'),
    ...(typeof policy.startAfter === 'number' ? { startAtMs: policy.startAfter } : {}),
  });
  return textIn(reply, 'id');
};

/** Jobs of the kinds that a load has too few of. */
const work = async (parts: Parts): Promise<void> => {
  const { api, turn } = parts;
  const status = (endpoint: string, job: string): Promise<Reply> =>
    api.ask({ line: `GET /v2/${endpoint}/status/${job}`, timeoutMs: SHORT_MS });
  const unlike = randomUUID();
  const startAfter = Date.now() + 1_500;
  const late = { ...SHORT_LIVED, startAfter };
  const delayed = await submit(parts, { endpoint: 'main', input: { unlike, n: 1 }, policy: late });
  await submit(parts, { endpoint: 'main', input: { unlike, n: 2 }, policy: late, key: unlike });
  await status('main', delayed);
  const again = { endpoint: 'main', input: { unlike, n: 3 }, key: `${unlike}-again` };
  await submit(parts, again);
  await submit(parts, again);
  const big = 'x'.repeat(BIG_INPUT_BYTES);
  await submit(parts, { endpoint: 'local', input: { unlike, n: 4, big } });
  const told = await submit(parts, { endpoint: 'main', input: { do: 'progress', unlike } });
  await api.ask({ line: `GET /v2/main/stream/${told}?from=0`, timeoutMs: SHORT_MS });
  await api.ask({ line: `GET /v2/main/status-sync/${told}?wait=1000`, timeoutMs: SHORT_MS });
  await api.ask({ line: `GET /v1/jobs/${told}`, timeoutMs: SHORT_MS });
  const low = { ...SHORT_LIVED, lowPriority: true };
  const idle = await submit(parts, { endpoint: 'idle', input: { unlike, n: 5 }, policy: low });
  await status('idle', idle);
  const crashing = { endpoint: 'crashing', input: { unlike, n: 6 }, policy: SHORT_LIVED };
  await status('crashing', await submit(parts, crashing));
  if (turn % 4 !== 0) return;
  const short = { ...SHORT_LIVED, executionTimeout: 5_001 };
  await submit(parts, {
    ...{ endpoint: turn % 8 === 0 ? 'leaving' : 'main', policy: short },
    input: { do: 'sleep', ms: 9_000, unlike },
  });
  const exit = { do: 'exit', unlike };
  await submit(parts, { endpoint: 'leaving', input: exit, policy: SHORT_LIVED });
  // Another number of slots wants another process.
  const worker = { template: 'leaving', concurrency: 2 + (turn % 3), minimum: 1, maximum: 1 };
  await api.ask({ line: 'PATCH /v1/endpoints/leaving', body: JSON.stringify({ worker }) });
};

/** A question of a producer at the broker, which is answered there. */
const askBroker = async ({ brokerUrl, write }: Parts): Promise<void> => {
  const producer = await openProducer(brokerUrl).catch(() => undefined);
  if (producer === undefined) return;
  const [key, input] = [randomUUID(), JSON.stringify({ asked: randomUUID() })];
  const atMs = Date.now();
  const asked = producer.ask({ endpoint: 'main', body: `{"input":${input}}`, id: key });
  const answer = await Promise.race([asked.catch(() => undefined), pause(SHORT_MS)]);
  const jobId: unknown = answer && JSON.parse(answer.toString()).id;
  const isTaken = typeof jobId === 'string';
  write({
    ...{ kind: 'submit', via: 'broker', endpoint: 'main', key, atMs, endedAtMs: Date.now() },
    outcome: isTaken ? 'ok' : 'unknown',
    ...(isTaken ? { jobId } : {}),
    inputSha256: createHash('sha256').update(input).digest('hex'),
  });
  await Promise.resolve(producer[Symbol.asyncDispose]()).catch(() => undefined);
};

/** A worker that asks for one job, of an endpoint that has none, and goes. */
const beWorker = async ({ api, gatewayUrl }: Parts): Promise<void> => {
  const granted = { name: 'asker', scopes: ['worker'], endpoints: ['crashing'] };
  const made = await api.ask({ line: 'POST /v1/keys', body: JSON.stringify(granted) });
  using gateway = openApi(gatewayUrl, textIn(made, 'key'));
  await gateway.ask({ line: 'GET /v2/crashing/job-take/asker?gpu=none', timeoutMs: 300 });
  await api.ask({ line: `DELETE /v1/keys/${textIn(made, 'id')}` });
};
