/**
 * Requests as the real clients were seen to send them: the Python package with `requests` and with
 * `aiohttp`, and the npm package. Their libraries are not needed to send them again.
 */
import assert from 'node:assert/strict';
import {
  assertAccepted,
  assertCancelled,
  assertCompleted,
  assertHealth,
  assertPurged,
  assertStatusBody,
  assertStream,
  objectOf,
  textOf,
} from './answer-shapes.ts';
import { type RawAnswer, sendRaw } from './raw-http.ts';

export type ClientRequestsFixture = {
  /**
   * The client API's base, with `/v2` and without a slash at the end, over http. The server must
   * allow webhooks to 127.0.0.1 (`webhooks.allowPrivateTargets`), which one request names.
   */
  baseUrl: string;
  apiKey: string;
  /** As for the npm client's suite: workers obey `input.do`, nothing serves `unserved`. */
  endpoints: { echo: string; stream: string; slow: string; unserved: string };
};

type Endpoint = keyof ClientRequestsFixture['endpoints'];

type Client = keyof typeof HEADERS;

type ClientRequest = {
  client: Client;
  method: 'GET' | 'POST';
  endpoint: Endpoint;
  /** `{job}` stands for the id of the same client's last job on this endpoint. */
  path: string;
  /** Absent for GET; empty where the client sends `Content-Length: 0`. */
  body?: string;
  /** The answer's shape; the id of an `accepted` one becomes `{job}`. */
  check: (value: unknown) => void;
};

const TIMEOUT_MS = 40_000;

type HeaderLines = readonly (readonly [name: string, value: string])[];

type Asked = {
  host: string;
  key: string;
  length: HeaderLines;
  job: string | undefined;
};

const requestId = (job: string | undefined): HeaderLines =>
  job === undefined ? [] : [['X-Request-ID', job]];

/** In the order in which each client sends them. */
const HEADERS = {
  requests: ({ host, key, length }) => [
    ['Host', host],
    ['User-Agent', 'python-requests/2.28.1'],
    ['Accept-Encoding', 'gzip, deflate'],
    ['Accept', '*/*'],
    ['Connection', 'keep-alive'],
    ['Content-Type', 'application/json'],
    ['Authorization', `Bearer ${key}`],
    ...length,
  ],
  aiohttp: ({ host, key, length, job }) => [
    ['Host', host],
    ['Content-Type', 'application/json'],
    ['Authorization', `Bearer ${key}`],
    ...requestId(job),
    ['Accept', '*/*'],
    ['Accept-Encoding', 'gzip, deflate'],
    ['User-Agent', 'Python/3.11 aiohttp/3.8.4'],
    ...length,
  ],
  js: ({ host, key, length }) => [
    ['host', host],
    ['connection', 'keep-alive'],
    ['Authorization', `Bearer ${key}`],
    ['content-type', 'application/json'],
    ['User-Agent', 'RunPod-JS-SDK/1.1.2 (Unknown Environment)'],
    ['accept', '*/*'],
    ['accept-language', '*'],
    ['sec-fetch-mode', 'cors'],
    ['accept-encoding', 'gzip, deflate'],
    ...length,
  ],
} satisfies Readonly<Record<string, (asked: Asked) => HeaderLines>>;

const POLICY = '{"input": {"q": 1}, "policy": {"executionTimeout": 60000, "ttl": 600000}}';
const WEBHOOK =
  '{"input":{"q":2},"webhook":"http://127.0.0.1:9/never","policy":{"executionTimeout":60000}}';
const CHUNKS = '{"input": {"do": "stream", "count": 3}}';

const get = (client: Client, endpoint: Endpoint, path: string, check: (value: unknown) => void) =>
  ({ client, method: 'GET', endpoint, path, check }) as const;

const post = (
  client: Client,
  endpoint: Endpoint,
  path: string,
  body: string,
  check: (value: unknown) => void,
) => ({ client, method: 'POST', endpoint, path, body, check }) as const;

/** Cancelling and purging come with a JSON content type and no body from Python, `{}` from npm. */
const onUnserved = (client: Client, body: '' | '{}'): ClientRequest[] => [
  post(client, 'unserved', '/run', '{"input": {"q": 1}}', assertAccepted),
  get(client, 'unserved', '/status/{job}', assertStatusBody),
  post(client, 'unserved', '/cancel/{job}', body, assertCancelled),
  post(client, 'unserved', '/purge-queue', body, assertPurged),
  get(client, 'echo', '/health', assertHealth),
];

const CLIENT_REQUESTS: readonly ClientRequest[] = [
  post('requests', 'echo', '/run', POLICY, assertAccepted),
  get('requests', 'echo', '/status/{job}', assertStatusBody),
  post('requests', 'echo', '/runsync', '{"input": {"q": 3}}', assertCompleted),
  post('requests', 'stream', '/run', CHUNKS, assertAccepted),
  get('requests', 'stream', '/stream/{job}', assertStream),
  ...onUnserved('requests', ''),

  post('aiohttp', 'echo', '/run', '{"input": {"q": 1}}', assertAccepted),
  get('aiohttp', 'echo', '/status/{job}', assertStatusBody),
  post('aiohttp', 'stream', '/run', CHUNKS, assertAccepted),
  get('aiohttp', 'stream', '/stream/{job}', assertStream),
  ...onUnserved('aiohttp', ''),

  post('js', 'echo', '/runsync?wait=30000', '{"input":{"q":1}}', assertCompleted),
  post('js', 'echo', '/run', WEBHOOK, assertAccepted),
  get('js', 'echo', '/status/{job}', assertStatusBody),
  post('js', 'slow', '/run', '{"input":{"do":"sleep","ms":30000}}', assertAccepted),
  get('js', 'slow', '/status-sync/{job}?wait=1000', assertStatusBody),
  post('js', 'slow', '/cancel/{job}', '{}', assertCancelled),
  post('js', 'stream', '/run', CHUNKS, assertAccepted),
  get('js', 'stream', '/stream/{job}', assertStream),
  ...onUnserved('js', '{}'),
];

const bytesOf = (
  fixture: ClientRequestsFixture,
  request: ClientRequest,
  job: string | undefined,
): Buffer => {
  const base = new URL(fixture.baseUrl);
  const path = request.path.replace('{job}', job ?? '');
  const body = Buffer.from(request.body ?? '');
  const lengthName = request.client === 'js' ? 'content-length' : 'Content-Length';
  const headers = HEADERS[request.client]({
    host: base.host,
    key: fixture.apiKey,
    length: request.body === undefined ? [] : [[lengthName, String(body.length)]],
    job: request.path.includes('{job}') ? job : undefined,
  });
  const target = `${base.pathname}/${fixture.endpoints[request.endpoint]}${path}`;
  const lines = [`${request.method} ${target} HTTP/1.1`, ...headers.map((pair) => pair.join(': '))];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), body]);
};

const checkAnswer = (request: ClientRequest, answer: RawAnswer): unknown => {
  const text = answer.body.toString('utf8');
  const name = `${request.client}: ${request.method} ${request.endpoint}${request.path}`;
  assert.equal(answer.status, 200, `${name} was answered ${answer.status} ${text}`);
  assert.match(answer.headers.get('content-type') ?? '', /^application\/json\b/, name);
  const value: unknown = JSON.parse(text);
  request.check(value);
  return value;
};

/**
 * Sends each request of the table over a socket of its own, header for header, and checks that it
 * is answered 200 with JSON of the right shape, which is all that these clients understand.
 * @throws AssertionError that names the first request that was not.
 */
export const replayClientRequests = async (fixture: ClientRequestsFixture): Promise<void> => {
  const lastJobs = new Map<string, string>();
  for (const request of CLIENT_REQUESTS) {
    const lastJob = `${request.client} ${request.endpoint}`;
    const bytes = bytesOf(fixture, request, lastJobs.get(lastJob));
    const value = checkAnswer(request, await sendRaw(new URL(fixture.baseUrl), bytes, TIMEOUT_MS));
    if (objectOf(value).id !== undefined) lastJobs.set(lastJob, textOf(value, 'id'));
  }
};
