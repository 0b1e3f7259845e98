import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type CreateEndpoint,
  type Endpoint,
  type EndpointSettings,
  ERRORS,
  type ErrorCode,
  newJobId,
  problemBody,
  Refusal,
  refuse,
  type State,
} from '@switchyard/contracts';

import { operationsRoutes } from './operations-routes.fixture.ts';

type Seen = {
  readonly line: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
};

const ECHO: Endpoint = {
  id: 'echo',
  name: 'Echo \u001B[31mred',
  worker: { template: 'echo', concurrency: 4, minimum: 1, maximum: 3, idleTimeoutMs: 5_000 },
  scaling: { rule: 'QUEUE_DELAY', value: 4 },
  defaults: { executionTimeoutMs: 600_000, ttlMs: 86_400_000 },
  limits: { maxQueued: 1_000_000, maxConcurrent: null, maxAttempts: 3 },
  escalateAfterMs: 3_600_000,
  retentionMs: 86_400_000,
  paused: false,
};
const KEY_RECORD = {
  id: 'k1',
  name: 'ci',
  scopes: ['submit', 'read'],
  endpoints: null,
  createdAt: '2026-01-01T00:00:00.000Z',
  expiresAt: null,
  revokedAt: null,
};
export const NEW_KEY = 'sy_shown-this-once';
const DELIVERY = {
  id: 'd1',
  job: newJobId('async'),
  url: 'http://hooks.example/a',
  outcome: 'failed',
  createdAt: KEY_RECORD.createdAt,
  closedAt: null,
  tries: [
    {
      n: 1,
      startedAt: KEY_RECORD.createdAt,
      durationMs: 12,
      outcome: 'failed',
      responseStatus: 503,
      responseExcerpt: 'no',
      error: null,
    },
  ],
};

type Job = { readonly id: string; status: State; readonly raw: string };
type Route = (path: RegExpExecArray, body: string, headers: IncomingHttpHeaders) => unknown;

/** An answer whose bytes matter. */
class RawJson {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/**
 * A real HTTP server that answers as the contract says. What a job asks for decides its end: an
 * input that holds "fail" FAILED, "hold" stays IN_QUEUE, "refuse" a 400; else it is COMPLETED with
 * its own input as the output.
 */
export const startContractServer = async () => {
  const jobs = new Map<string, Job>();
  const endpoints = new Map<string, Endpoint>([['echo', ECHO]]);
  const seen: Seen[] = [];
  /** Emits `call` with the line of each call. */
  const calls = new EventEmitter();
  const routes = routesOf(jobs, endpoints);
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    const line = `${request.method} ${request.url}`;
    const body = String(Buffer.concat(parts));
    seen.push({ line, headers: request.headers, body });
    calls.emit('call', line);
    const [status, answer] = answerTo(routes, line, body, request.headers);
    response.writeHead(status, { 'content-type': 'application/json' }).end(answer);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    calls,
    jobs,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};

const answerTo = (
  routes: readonly (readonly [RegExp, Route])[],
  line: string,
  body: string,
  headers: IncomingHttpHeaders,
): [number, string] => {
  try {
    if (headers.authorization !== 'Bearer key-of-the-tests-1') throw refuse('auth.invalid', 'No.');
    for (const [pattern, route] of routes) {
      const path = pattern.exec(line);
      if (path === null) continue;
      const answer = route(path, body, headers);
      return [200, answer instanceof RawJson ? answer.text : JSON.stringify(answer)];
    }
    throw refuse('route.not_found', 'There is no such route.');
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return [ERRORS[error.problem.code].status, JSON.stringify(problemBody(error.problem))];
  }
};

const routesOf = (jobs: Map<string, Job>, endpoints: Map<string, Endpoint>): [RegExp, Route][] => {
  const keyed = new Map<string, string>();
  const jobAt = (path: RegExpExecArray): Job =>
    jobs.get(path[2] ?? '') ?? fail('job.not_found', 'There is no such job.');
  const endpointAt = (path: RegExpExecArray): Endpoint =>
    endpoints.get(path[1] ?? '') ?? fail('endpoint.not_found', 'There is no such endpoint.');
  return [
    [
      /^POST \/v2\/([\w-]+)\/run$/,
      (path, body, headers) => {
        endpointAt(path);
        const { input } = JSON.parse(body);
        const text = JSON.stringify(input);
        if (text.includes('refuse')) fail('request.invalid', 'The input is refused.');
        const key = String(headers['idempotency-key']);
        const id = keyed.get(key) ?? newJobId('async');
        keyed.set(key, id);
        const status = text.includes('fail')
          ? 'FAILED'
          : text.includes('hold')
            ? 'IN_QUEUE'
            : 'COMPLETED';
        const raw =
          /^\{"input":(.*?)(?:,"(?:policy|webhook|s3Config)".*)?\}$/s.exec(body)?.[1] ?? '';
        jobs.set(id, { id, status, raw });
        return { id, status: 'IN_QUEUE' };
      },
    ],
    [
      /^GET \/v2\/([\w-]+)\/status(?:-sync)?\/([\w-]+)/,
      (path) => {
        endpointAt(path);
        const { id, status, raw } = jobAt(path);
        const error = JSON.stringify(JSON.stringify({ error_message: 'no\u001B[2J luck' }));
        const end = status === 'FAILED' ? `"error":${error}` : `"output":${raw}`;
        return new RawJson(`{"id":"${id}","status":"${status}","delayTime":12,${end}}`);
      },
    ],
    [
      /^POST \/v2\/([\w-]+)\/(?:cancel)\/([\w-]+)$/,
      (path) => {
        const job = jobAt(path);
        job.status = 'CANCELLED';
        return { id: job.id, status: job.status };
      },
    ],
    [
      /^POST \/v2\/([\w-]+)\/(?:retry)\/([\w-]+)$/,
      (path) => {
        const job = jobAt(path);
        if (job.status !== 'FAILED') fail('job.wrong_state', 'Only a job that is FAILED.');
        return { id: job.id, status: 'IN_QUEUE' };
      },
    ],
    [/^POST \/v2\/([\w-]+)\/purge-queue$/, () => ({ removed: 3, status: 'completed' })],
    ...managementRoutes(endpoints, endpointAt),
    ...operationsRoutes,
  ];
};

const managementRoutes = (
  endpoints: Map<string, Endpoint>,
  endpointAt: (path: RegExpExecArray) => Endpoint,
): [RegExp, Route][] => [
  [/^GET \/v1\/endpoints$/, () => ({ endpoints: [...endpoints.values()] })],
  [
    /^POST \/v1\/endpoints$/,
    (_, body) => {
      const { id, name = id }: CreateEndpoint = JSON.parse(body);
      endpoints.set(id, { ...ECHO, id, name });
      return endpoints.get(id);
    },
  ],
  [/^GET \/v1\/endpoints\/([\w-]+)$/, (path) => endpointAt(path)],
  [
    /^PATCH \/v1\/endpoints\/([\w-]+)$/,
    (path, body) => {
      const { name }: EndpointSettings = JSON.parse(body);
      const former = endpointAt(path);
      return { ...former, name: name ?? former.name };
    },
  ],
  [/^POST \/v1\/endpoints\/([\w-]+)\/pause$/, (path) => ({ ...endpointAt(path), paused: true })],
  [/^POST \/v1\/endpoints\/([\w-]+)\/resume$/, (path) => endpointAt(path)],
  [/^DELETE \/v1\/endpoints\/([\w-]+)$/, (path) => endpointAt(path)],
  [/^POST \/v1\/endpoints\/([\w-]+)\/webhook-secret$/, () => ({ secret: 'whsec_once' })],
  [/^GET \/v1\/endpoints\/([\w-]+)\/deliveries\?/, () => ({ deliveries: [DELIVERY] })],
  [/^GET \/v1\/keys$/, () => ({ keys: [KEY_RECORD] })],
  [/^POST \/v1\/keys$/, () => ({ ...KEY_RECORD, key: NEW_KEY })],
  [
    /^POST \/v1\/keys\/k1\/revoke$/,
    () => ({ ...KEY_RECORD, revokedAt: '2026-02-01T00:00:00.000Z' }),
  ],
];

const fail = (code: ErrorCode, detail: string): never => {
  throw refuse(code, detail);
};
