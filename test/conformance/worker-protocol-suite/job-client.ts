import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { TestContext } from 'node:test';
import { type RunpodWorker, startRunpodWorker } from '../../support/start-runpod-worker.ts';
import { arrayOf, type JsonObject, objectOf, textOf } from '../answer-shapes.ts';

export type WorkerProtocolFixture = {
  /** The client API's and the gateway's base, each with `/v2` and without a slash at the end. */
  clientUrl: string;
  gatewayUrl: string;
  /** May submit, read and purge. */
  apiKey: string;
  /** Opens the gateway for `endpoint` alone. */
  workerToken: string;
  /** Idle, with its default settings, three attempts a job, and served by no other worker. */
  endpoint: string;
  /** How long a lost worker's job may take to run elsewhere; 90,000 ms by default. */
  lostWithinMs?: number;
};

export type Fixture = () => WorkerProtocolFixture;

export type JobClient = {
  /** The id of a job with `input`; `more` are further members of the request. */
  submit(input: unknown, more?: JsonObject): Promise<string>;
  submitText(body: string): Promise<string>;
  status(jobId: string): Promise<JsonObject>;
  statusText(jobId: string): Promise<string>;
  /** The status once it is terminal. @throws AssertionError when it is not after `waitMs`. */
  ended(jobId: string, waitMs?: number): Promise<JsonObject>;
  cancel(jobId: string): Promise<void>;
  /** The outputs of all chunks, in the order in which the stream gave them. */
  streamed(jobId: string): Promise<unknown[]>;
};

const TERMINAL: ReadonlySet<unknown> = new Set(['COMPLETED', 'FAILED', 'CANCELLED', 'TIMED_OUT']);
/**
 * A worker of the test before was killed in its poll. A job that is given to it before the gateway
 * has seen the hang-up runs again once the worker counts as lost, after 30 s.
 */
const ENDED_MS = 60_000;

export const openJobClient = (fixture: Fixture): JobClient => {
  const ask = async (path: string, body?: string): Promise<string> => {
    const { clientUrl, endpoint, apiKey } = fixture();
    const answer = await fetch(`${clientUrl}/${endpoint}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body }),
    });
    const text = await answer.text();
    assert.equal(answer.status, 200, `${path}: ${text}`);
    return text;
  };
  const askObject = async (path: string): Promise<JsonObject> =>
    objectOf(JSON.parse(await ask(path)));
  const submitText = async (body: string): Promise<string> =>
    textOf(JSON.parse(await ask('/run', body)), 'id');
  return {
    submitText,
    submit: (input, more) => submitText(JSON.stringify({ ...more, input })),
    status: (jobId) => askObject(`/status/${jobId}`),
    statusText: (jobId) => ask(`/status/${jobId}`),
    async ended(jobId, waitMs = ENDED_MS) {
      const body = await askObject(`/status-sync/${jobId}?wait=${waitMs}`);
      assert.ok(TERMINAL.has(body.status), `after ${waitMs} ms: ${JSON.stringify(body)}`);
      return body;
    },
    async cancel(jobId) {
      const body = objectOf(JSON.parse(await ask(`/cancel/${jobId}`, '{}')));
      assert.equal(body.status, 'CANCELLED');
    },
    async streamed(jobId) {
      const outputs: unknown[] = [];
      for (;;) {
        const { status, stream } = await askObject(`/stream/${jobId}`);
        for (const chunk of arrayOf(stream)) outputs.push(objectOf(chunk).output);
        if (TERMINAL.has(status)) return outputs;
      }
    },
  };
};

export type WorkerOptions = {
  concurrency?: number;
  pingIntervalMs?: number;
  env?: Readonly<Record<string, string>>;
};

/** Starts a test worker under an id of its own, which is killed when the test ends. */
export const startWorker = (
  t: TestContext,
  fixture: Fixture,
  options: WorkerOptions = {},
): RunpodWorker => {
  const { gatewayUrl, endpoint, workerToken } = fixture();
  const workerId = `pod-${randomUUID().slice(0, 8)}`;
  const worker = startRunpodWorker({ gatewayUrl, endpoint, workerToken, workerId, ...options });
  t.after(() => worker.close());
  return worker;
};
