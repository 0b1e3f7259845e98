import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import {
  type FaultWindow,
  type Journal,
  type Operation,
  openJournal,
} from '../../fault/history.ts';
import { type AskApi, openApi, type Reply } from '../../fault/load/ask-api.ts';
import { factOf, type LimitedClient } from '../../fault/load/client.ts';
import { followEvents } from '../../fault/load/follow-events.ts';
import { openForbiddenTarget } from '../../fault/load/open-forbidden-target.ts';
import { receiveWebhooks, type WebhookReceiver } from '../../fault/load/receive-webhooks.ts';
import { noteListedClaims } from '../../fault/note-listed-claims.ts';
import { startNats, type TestNats } from '../../support/nats.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { type ServiceProcess, startSwitchyard } from '../../support/start-switchyard.ts';
import { callsTo } from '../support/call-http.ts';
import { makeKey } from '../support/setup-calls.ts';
import type { Asker } from './exchange.ts';

/** The endpoints of an exam; each scene has one of its own. */
export const ENDPOINTS = [
  ...(['flow', 'expiry', 'loss', 'late', 'rivals', 'purged'] as const),
  ...(['listed', 'turns', 'targets', 'closed', 'reach'] as const),
] as const;
export type EndpointName = (typeof ENDPOINTS)[number];

/** A system under exam, with those who ask, work and listen. */
export type Stage = AsyncDisposable & {
  /** Where the history is written. */
  readonly folder: string;
  readonly databaseUrl: string;
  readonly nats: TestNats;
  readonly service: ServiceProcess;
  readonly webhookUrl: string;
  /** Where no webhook may go. */
  readonly forbiddenUrl: string;
  readonly webhookSecrets: readonly string[];
  /** With a key that is limited to the endpoint `reach`. */
  readonly limited: Omit<LimitedClient, 'random'>;
  readonly asker: (endpoint: EndpointName, workerId: string) => Asker;
  /** Asks, and writes down what came. */
  readonly ask: (operation: Wanted, line: string, asked?: Asked) => Promise<Reply>;
  readonly note: Journal<Operation>['write'];
  readonly noteFault: Journal<FaultWindow>['write'];
  readonly logs: () => Promise<string>;
  /** Aborts when scenes have taken too long. */
  readonly over: AbortSignal;
};

type Wanted = Pick<Operation, 'kind' | 'endpoint'> & Partial<Operation>;
type Asked = { readonly body?: string; readonly headers?: Readonly<Record<string, string>> };

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

const CONFIG = `
endpoints: { ${ENDPOINTS.map((name) => `${name}: { name: ${name} }`).join(', ')} }
webhooks: { allowPrivateTargets: [127.0.0.1/32] }
`;

/** Ahead of the database's, as the clock of a machine may be: nothing may depend on it. */
const AHEAD_MS = 600_000;
const CLOCK = `const now = Date.now;
Date.now = () => now() + ${AHEAD_MS};
`;

/** Opens a system whose code is the tree at `tree`, in one process. */
export const openStage = async (
  tree: string,
  postgres: TestPostgres,
  over: AbortSignal,
): Promise<Stage> => {
  await using started = new AsyncDisposableStack();
  const folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard-exam-'));
  started.defer(() => rm(folder, { recursive: true, force: true }));
  const clock = path.join(folder, 'clock.mjs');
  await writeFile(clock, CLOCK);
  const nats = started.use(await startNats());
  const databaseUrl = await postgres.createDatabase();
  const receiver = started.use(await receiveWebhooks());
  receiver.keepIn(folder);
  const forbidden = started.use(await openForbiddenTarget());
  forbidden.keepIn(folder);
  const switchyard = started.use(
    await startSwitchyard({
      ...{ mode: 'all-in-one', databaseUrl, brokerUrl: nats.url, config: CONFIG, tree },
      env: { NODE_OPTIONS: `--import=${clock}` },
    }),
  );
  const { apiUrl, apiKey, gatewayUrl, process: find, logs } = switchyard;
  const call = callsTo(apiUrl, apiKey);
  const webhookSecrets = await Promise.all(
    ENDPOINTS.map(async (name) => {
      const { json } = await call(`POST /v1/endpoints/${name}/webhook-secret`);
      return String(json.secret);
    }),
  );
  const granted = { scopes: ['worker'], endpoints: [...ENDPOINTS] };
  const { key: token } = await makeKey(call, granted);
  const reach = 'reach';
  const limited = await makeKey(call, { scopes: ['submit', 'read'], endpoints: [reach] });
  const limitedApi = started.use(openApi(apiUrl, limited.key));
  await noteListedClaims(databaseUrl);
  started.use(await followEvents(nats.url, folder));
  const api = started.use(openApi(apiUrl, apiKey));
  const operations = started.use(openJournal<Operation>(path.join(folder, 'operations')));
  const faults = started.use(openJournal<FaultWindow>(path.join(folder, 'faults')));
  const parts = started.move();
  return {
    ...{ folder, databaseUrl, nats, webhookSecrets, logs, over, note: operations.write },
    ...{ service: find('all'), webhookUrl: urlOf(receiver), noteFault: faults.write },
    forbiddenUrl: forbidden.urls[0] ?? '',
    limited: { api: limitedApi, journal: operations, reach },
    asker: (endpoint, workerId) => ({ gatewayUrl, endpoint, token, workerId }),
    ask: (operation, line, asked = {}) => askAndNote(api, operations, operation, line, asked),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
};

const urlOf = ({ port }: WebhookReceiver): string => `http://127.0.0.1:${port}`;

const askAndNote = async (
  api: AskApi,
  operations: Journal<Operation>,
  operation: Wanted,
  line: string,
  asked: Asked,
): Promise<Reply> => {
  const reply = await api.ask({ line, ...asked });
  const { fact } = factOf(reply);
  const removed = reply.json.removed;
  operations.write({
    ...{ via: 'http', ...fact, ...operation },
    ...(typeof removed === 'number' ? { removed } : {}),
  });
  return reply;
};

const AGAIN_MS = 150;

/** What is submitted, in words of the history. */
export type Submission = {
  readonly endpoint: EndpointName;
  readonly input: string;
  readonly key: string;
  readonly more?: Readonly<Record<string, unknown>>;
  readonly secrets?: readonly string[];
};

/** Posts until it is taken. @returns the job's id. */
export const submit = async (stage: Stage, submission: Submission): Promise<string> => {
  const { endpoint, input, key, more = {}, secrets = [] } = submission;
  const body = `{"input":${input},${JSON.stringify({ ...more, of: 'exam' }).slice(1)}`;
  const operation = {
    ...{ kind: 'submit' as const, endpoint, key, inputSha256: sha256(input), secrets },
    hasWebhook: more.webhook !== undefined,
  };
  for (;;) {
    stage.over.throwIfAborted();
    const headers = { 'idempotency-key': key };
    const { outcome, json } = await stage.ask(operation, `POST /v2/${endpoint}/run`, {
      body,
      headers,
    });
    if (outcome === 'ok') return String(json.id);
    await pause(AGAIN_MS);
  }
};

/** The status of a job, once it is one of `wanted`; undefined when it is not in time. */
export const untilState = async (
  { ask, over }: Stage,
  endpoint: EndpointName,
  jobId: string,
  wanted: readonly string[],
  timeoutMs: number,
): Promise<string | undefined> => {
  const untilMs = performance.now() + timeoutMs;
  while (performance.now() < untilMs && !over.aborted) {
    const operation = { kind: 'status' as const, endpoint, jobId };
    const { json } = await ask(operation, `GET /v2/${endpoint}/status/${jobId}`);
    if (wanted.includes(String(json.status))) return String(json.status);
    await pause(AGAIN_MS);
  }
  return undefined;
};
