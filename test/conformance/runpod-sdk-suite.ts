import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import runpodSdk from 'runpod-sdk';
import {
  arrayOf,
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

export type RunpodSdkFixture = {
  /** The client API's base, with `/v2` and without a slash at the end. */
  baseUrl: string;
  /** A key with every scope for these endpoints. */
  apiKey: string;
  /**
   * The first three may be one endpoint; their workers obey `input.do` as the test worker does
   * (support/runpod-worker/handlers.ts). Nothing serves `unserved`, and its queue is empty.
   */
  endpoints: { echo: string; stream: string; slow: string; unserved: string };
  /** Set when the server may post to 127.0.0.1, as a client's webhook address asks. */
  loopbackWebhooks?: boolean;
};

type Endpoint = NonNullable<ReturnType<ReturnType<typeof runpodSdk>['endpoint']>>;
type Fixture = () => RunpodSdkFixture;

const open = (fixture: Fixture, name: keyof RunpodSdkFixture['endpoints'], key?: string) => {
  const { apiKey, baseUrl, endpoints } = fixture();
  const endpoint = runpodSdk(key ?? apiKey, { baseUrl }).endpoint(endpoints[name]);
  assert.ok(endpoint !== null);
  return endpoint;
};

const submit = async (endpoint: Endpoint, input: unknown): Promise<string> => {
  const accepted = await endpoint.run({ input });
  assertAccepted(accepted);
  return accepted.id;
};

const started = async (endpoint: Endpoint, id: string): Promise<void> => {
  const until = performance.now() + 15_000;
  while ((await endpoint.status(id)).status === 'IN_QUEUE') {
    assert.ok(performance.now() < until, `${id} was not started within 15 s`);
    // The client knows no call that waits for a start.
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

const outputsOf = async (endpoint: Endpoint, id: string): Promise<unknown[]> => {
  const outputs: unknown[] = [];
  for await (const chunk of endpoint.stream(id)) outputs.push(objectOf(chunk).output);
  return outputs;
};

const numbered = (count: number) => Array.from({ length: count }, (_, chunk) => ({ chunk }));

/** The client throws for what is not 2xx, with the answer on the error. */
const isRefusal = (status: number) => (error: unknown) => {
  assert.equal(objectOf(objectOf(error).response).status, status);
  return true;
};

const registerResults = (fixture: Fixture): void => {
  it('runSync returns the output, the flags and the durations', async () => {
    const done = await open(fixture, 'echo').runSync({ input: { q: 1, text: 'añ✓' } });
    assertCompleted(done);
    assert.match(done.id, /^sync-/);
    assert.deepEqual(done.output, { q: 1, text: 'añ✓' });
    const { started: begun, completed, succeeded } = objectOf(done);
    assert.deepEqual(
      { begun, completed, succeeded },
      { begun: true, completed: true, succeeded: true },
    );
  });

  it('runSync shows a failed job with its error', async () => {
    for (const [input, words] of [
      [{ do: 'fail' }, 'deliberate failure'],
      [{ do: 'error-dict' }, 'deliberate error'],
    ] as const) {
      const done = objectOf(await open(fixture, 'echo').runSync({ input }));
      assert.equal(done.status, 'FAILED');
      assert.equal(done.succeeded, false);
      assert.ok(JSON.stringify(done.error).includes(words), JSON.stringify(done));
    }
  });
};

const registerWaits = (fixture: Fixture): void => {
  it('runSync comes back when its patience ends', async () => {
    const slow = open(fixture, 'slow');
    const left = await slow.runSync({ input: { do: 'sleep', ms: 30_000 } }, 1_000);
    assert.equal(objectOf(left).completed, false);
    assertStatusBody(left);
    assertCancelled(await slow.cancel(left.id));
  });

  it('run, then status until the end', async () => {
    const echo = open(fixture, 'echo');
    const id = await submit(echo, { q: 2 });
    const waiting = await echo.status(id);
    assertStatusBody(waiting);
    assert.equal(objectOf(waiting).started, true);
    assertCompleted(await echo.statusSync(id, 15_000));
    const done = objectOf(await echo.status(id));
    assertCompleted(done);
    assert.deepEqual([done.completed, done.succeeded, done.output], [true, true, { q: 2 }]);
  });

  it('run passes policy, webhook and s3Config and shows none of them', async () => {
    const echo = open(fixture, 'echo');
    const accepted = await echo.run({
      input: { do: 'keys' },
      policy: { executionTimeout: 60_000, ttl: 600_000, lowPriority: false },
      s3Config: {
        accessId: 'a',
        accessSecret: 's',
        bucketName: 'b',
        endpointUrl: 'http://s3.test',
      },
      ...(fixture().loopbackWebhooks === true ? { webhook: 'http://127.0.0.1:9/never' } : {}),
    });
    const done = objectOf(await echo.statusSync(accepted.id, 15_000));
    assertCompleted(done);
    const keys = arrayOf(objectOf(done.output).job_keys);
    for (const key of ['id', 'input', 's3Config']) assert.ok(keys.includes(key), `${key}: ${keys}`);
  });

  it('statusSync answers at the end of the job, or of its wait', async () => {
    const slow = open(fixture, 'slow');
    const short = await submit(slow, { do: 'sleep', ms: 1_500 });
    const begun = performance.now();
    assertCompleted(await slow.statusSync(short, 60_000));
    assert.ok(performance.now() - begun < 15_000, 'it did not wait for the whole time');
    const long = await submit(slow, { do: 'sleep', ms: 30_000 });
    const again = performance.now();
    const left = await slow.statusSync(long, 1_000);
    const tookMs = performance.now() - again;
    assert.ok(tookMs > 900 && tookMs < 3_000, `it waited ${tookMs} ms instead of 1,000`);
    assert.equal(objectOf(left).completed, false);
    assertCancelled(await slow.cancel(long));
  });
};

const registerStreams = (fixture: Fixture): void => {
  it('stream yields every chunk once and in order', async () => {
    const stream = open(fixture, 'stream');
    const id = await submit(stream, { do: 'stream', count: 12, everyMs: 40 });
    assert.deepEqual(await outputsOf(stream, id), numbered(12));
    assert.equal((await stream.status(id)).status, 'COMPLETED');
  });

  it('stream yields all chunks of a job that has ended already', async () => {
    const stream = open(fixture, 'stream');
    const id = await submit(stream, { do: 'stream', count: 30, aggregate: true });
    assertCompleted(await stream.statusSync(id, 20_000));
    assert.deepEqual(await outputsOf(stream, id), numbered(30));
    assert.deepEqual(objectOf(await stream.status(id)).output, numbered(30));
  });

  it('stream ends after the chunks of a job that fails', async () => {
    const stream = open(fixture, 'stream');
    const id = await submit(stream, { do: 'stream-error', count: 3 });
    assert.deepEqual(await outputsOf(stream, id), numbered(3));
    assert.equal((await stream.status(id)).status, 'FAILED');
  });

  it('stream of a cancelled job ends', async () => {
    const unserved = open(fixture, 'unserved');
    const id = await submit(unserved, {});
    assertCancelled(await unserved.cancel(id));
    assert.deepEqual(await outputsOf(unserved, id), []);
  });

  it('stream always answers an array', async () => {
    const { apiKey, baseUrl, endpoints } = fixture();
    const unserved = open(fixture, 'unserved');
    const id = await submit(unserved, {});
    const answer = await fetch(`${baseUrl}/${endpoints.unserved}/stream/${id}`, {
      headers: { authorization: apiKey },
    });
    assert.equal(answer.status, 200);
    assertStream(await answer.json());
    assertCancelled(await unserved.cancel(id));
  });
};

const registerControls = (fixture: Fixture): void => {
  it('cancel ends a queued job', async () => {
    const unserved = open(fixture, 'unserved');
    const id = await submit(unserved, {});
    const cancelled = await unserved.cancel(id);
    assertCancelled(cancelled);
    assert.equal(cancelled.id, id);
    assert.equal((await unserved.status(id)).status, 'CANCELLED');
    assertCancelled(await unserved.cancel(id));
  });

  it('cancel ends a running job', async () => {
    const slow = open(fixture, 'slow');
    const id = await submit(slow, { do: 'sleep', ms: 60_000 });
    await started(slow, id);
    assertCancelled(await slow.cancel(id));
    const status = objectOf(await slow.status(id));
    assert.deepEqual([status.status, status.output], ['CANCELLED', undefined]);
    assert.deepEqual([status.completed, status.succeeded], [true, false]);
  });

  it('cancel of a job that is done says what it is', async () => {
    const echo = open(fixture, 'echo');
    const done = await echo.runSync({ input: {} });
    assert.equal((await echo.cancel(done.id)).status, 'COMPLETED');
  });

  it('purgeQueue removes what waits, and says how much', async () => {
    const unserved = open(fixture, 'unserved');
    const ids = [await submit(unserved, 1), await submit(unserved, 2), await submit(unserved, 3)];
    assert.equal((await unserved.health()).jobs.inQueue, 3);
    const purged = await unserved.purgeQueue();
    assertPurged(purged);
    assert.equal(purged.removed, 3);
    for (const id of ids) assert.equal((await unserved.status(id)).status, 'CANCELLED');
    assert.deepEqual(objectOf(await unserved.purgeQueue()), { removed: 0, status: 'completed' });
  });

  it('health has its shape and counts what is done', async () => {
    const echo = open(fixture, 'echo');
    const before = await echo.health();
    assertHealth(before);
    await echo.runSync({ input: {} });
    await echo.runSync({ input: { do: 'fail' } });
    const after = await echo.health();
    assertHealth(after);
    assert.equal(after.jobs.completed, before.jobs.completed + 1);
    assert.equal(after.jobs.failed, before.jobs.failed + 1);
  });
};

const registerRefusals = (fixture: Fixture): void => {
  it('a wrong key is refused with 401 on every call', async () => {
    const strange = open(fixture, 'echo', 'not-a-key');
    const id = textOf(await open(fixture, 'echo').run({ input: {} }), 'id');
    for (const call of [
      () => strange.run({ input: {} }),
      () => strange.runSync({ input: {} }),
      () => strange.status(id),
      () => strange.statusSync(id, 1_000),
      () => strange.stream(id).next(),
      () => strange.cancel(id),
      () => strange.health(),
      () => strange.purgeQueue(),
    ]) {
      await assert.rejects(call, isRefusal(401));
    }
  });

  it('an unknown job is refused with 404, a bad policy with 400', async () => {
    const echo = open(fixture, 'echo');
    const unknown = '00000000-0000-4000-8000-000000000000';
    await assert.rejects(echo.status(unknown), isRefusal(404));
    await assert.rejects(echo.run({ input: {}, policy: { executionTimeout: 1 } }), isRefusal(400));
  });
};

/**
 * Registers tests that put every call of the unmodified npm client `runpod-sdk` 1.1.2 through the
 * server that `fixture` names. It is asked when the tests run, so that hooks can start the server.
 */
export const runpodSdkSuite = (fixture: Fixture): void => {
  describe('the npm client runpod-sdk', { timeout: 120_000 }, () => {
    before(async () => {
      await open(fixture, 'unserved').purgeQueue();
    });
    registerResults(fixture);
    registerWaits(fixture);
    registerStreams(fixture);
    registerControls(fixture);
    registerRefusals(fixture);
  });
};
