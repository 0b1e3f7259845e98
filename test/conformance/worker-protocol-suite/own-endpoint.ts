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
  /** Opens the gateway for every endpoint of the tests. */
  workerToken: string;
  /**
   * The name of an endpoint that was not given out before: idle, with its default settings and
   * three attempts a job. Each test has its own, since a worker that was killed in its poll may
   * still be given a job that comes before the gateway has seen the hang-up.
   */
  nextEndpoint(): string;
};

export type Fixture = () => WorkerProtocolFixture;

/** One endpoint, and what a test does there. */
export type TestEndpoint = Omit<WorkerProtocolFixture, 'nextEndpoint'> & {
  readonly endpoint: string;
  readonly client: JobClient;
  /** Starts a test worker under an id of its own, which is killed when the test ends. */
  startWorker(options?: WorkerOptions): RunpodWorker;
};

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
const ENDED_MS = 60_000;

type Client = Pick<WorkerProtocolFixture, 'clientUrl' | 'apiKey'> & { endpoint: string };

const openJobClient = ({ clientUrl, endpoint, apiKey }: Client): JobClient => {
  const ask = async (path: string, body?: string): Promise<string> => {
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

/** Gives the test an endpoint of its own. */
export const openEndpoint = (t: TestContext, fixture: Fixture): TestEndpoint => {
  const { nextEndpoint, ...rest } = fixture();
  const endpoint = nextEndpoint();
  return {
    ...rest,
    endpoint,
    client: openJobClient({ ...rest, endpoint }),
    startWorker(options = {}) {
      const { gatewayUrl, workerToken } = rest;
      const workerId = `pod-${randomUUID().slice(0, 8)}`;
      const worker = startRunpodWorker({ gatewayUrl, endpoint, workerToken, workerId, ...options });
      t.after(() => worker.close());
      return worker;
    },
  };
};
