import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Call } from '../support/call-http.ts';
import { endOf } from '../support/setup-calls.ts';
import type { WebhookTarget } from '../support/webhook-target.ts';
import type { Way } from './ways.ts';

export type Ground = {
  readonly call: Call;
  readonly target: WebhookTarget;
  /** With a worker that echoes. */
  readonly echo: string;
  /** Without workers, so that jobs stay in its queue. */
  readonly idle: string;
};

/** Throws what is wrong. */
type Case = (ground: Ground, way: Way) => Promise<void>;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
/** NATS itself drops a second publication of one id, unanswered, within this window. */
export const WINDOW_MS = 200;
const FORGOTTEN_MS = 5 * WINDOW_MS;
const LARGE_CHARACTERS = 900_000;
const EXACT = '{"n":12345678901234567890,"e":1e400,"f":0.1000,  "u":"\\u0000","k":-0.0}';

const submitted = async (way: Way, endpoint: string, body: string): Promise<string> => {
  const answer = await way.submit(endpoint, body);
  assert.deepEqual({ ...answer, id: '' }, { id: '', status: 'IN_QUEUE' });
  const id = String(answer.id);
  assert.match(id, UUID);
  return id;
};

const switchyardOf = async ({ call, idle }: Ground, id: string) => {
  const { json } = await call(`GET /v2/${idle}/status/${id}`);
  const told: { priority?: string; deadline?: string; createdAt?: string } = {
    ...(typeof json.switchyard === 'object' ? json.switchyard : {}),
  };
  return told;
};

const outputIs = async ({ call, echo }: Ground, way: Way, input: string): Promise<void> => {
  const id = await submitted(way, echo, `{"input":${input}}`);
  const { text } = await endOf(call, echo, id);
  assert.match(text.slice(0, 200), /"status":"COMPLETED"/);
  assert(text.includes(`"output":${input}`), 'the output is not the input, byte for byte');
};

const problemOf = (answer: Readonly<Record<string, unknown>>) => {
  const { code, status, detail, error, title } = answer;
  return { code, status, detail, error, title };
};

/** What must be the same whichever way a submission comes. */
export const CASES: Readonly<Record<string, Case>> = {
  accept: async ({ call, idle }, way) => {
    const id = await submitted(way, idle, '{"input":{"a":1},"discarded":true}');
    assert.equal((await call(`GET /v2/${idle}/status/${id}`)).json.status, 'IN_QUEUE');
  },
  'refuse what is no JSON': async ({ idle }, way) => {
    const problem = problemOf(await way.submit(idle, '{"input":1,'));
    assert.equal(problem.code, 'request.body_invalid');
    assert.equal(problem.status, 400);
    assert.match(String(problem.detail), /not JSON: expected .* at byte 11/);
    assert.equal(problem.error, problem.detail);
  },
  'refuse a value out of bounds': async ({ idle }, way) => {
    const body = '{"input":1,"policy":{"executionTimeout":5000}}';
    const problem = problemOf(await way.submit(idle, body));
    assert.equal(problem.code, 'request.invalid');
    assert.match(
      String(problem.detail),
      /policy\.executionTimeout must be an integer > 5000 and <= 604800000; got 5000/,
    );
  },
  'idempotent repeat': async ({ call, idle }, way) => {
    const key = randomUUID();
    const first = await way.submit(idle, '{"input":"once"}', key);
    await pause(FORGOTTEN_MS);
    assert.deepEqual(await way.submit(idle, '{"input":"once"}', key), first);
    await pause(FORGOTTEN_MS);
    const other = await way.submit(idle, '{"input":"another"}', key);
    assert.equal(other.code, 'idempotency.mismatch');
    assert.equal(other.status, 422);
    await call(`POST /v2/${idle}/cancel/${String(first.id)}`);
    await pause(FORGOTTEN_MS);
    const late = await way.submit(idle, '{"input":"once"}', key);
    assert.deepEqual(late, { id: first.id, status: 'CANCELLED' });
  },
  priority: async (ground, way) => {
    const low = await submitted(way, ground.idle, '{"input":1,"policy":{"lowPriority":true}}');
    const high = await submitted(way, ground.idle, '{"input":1,"policy":{"lowPriority":false}}');
    assert.equal((await switchyardOf(ground, low)).priority, 'low');
    assert.equal((await switchyardOf(ground, high)).priority, 'high');
  },
  ttl: async (ground, way) => {
    const id = await submitted(way, ground.idle, '{"input":1,"policy":{"ttl":10000}}');
    const { deadline = '', createdAt = '' } = await switchyardOf(ground, id);
    assert.equal(Date.parse(deadline) - Date.parse(createdAt), 10_000);
    const { json } = await endOf(ground.call, ground.idle, id);
    assert.equal(json.status, 'TIMED_OUT');
  },
  webhook: async ({ echo, target }, way) => {
    const body = `{"input":"hooked","webhook":${JSON.stringify(target.url)}}`;
    const id = await submitted(way, echo, body);
    const told: unknown = JSON.parse((await target.bodyFor(id)).toString('utf8'));
    assert.partialDeepStrictEqual(told, { id, status: 'COMPLETED', output: 'hooked' });
  },
  result: (ground, way) => outputIs(ground, way, '{"text":"größer","list":[1,[2],{}]}'),
  'unknown endpoint': async (_ground, way) => {
    const problem = problemOf(await way.submit('never-made', '{"input":1}'));
    assert.equal(problem.code, 'endpoint.not_found');
    assert.equal(problem.status, 404);
  },
  '900 kB body': (ground, way) =>
    outputIs(ground, way, JSON.stringify(randomBytes(LARGE_CHARACTERS / 2).toString('hex'))),
  'exact numbers': (ground, way) => outputIs(ground, way, EXACT),
};
