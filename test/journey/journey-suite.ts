import assert from 'node:assert/strict';
import { request } from 'node:http';
import { it } from 'node:test';
import type { Call } from '../acceptance/support/call-http.ts';
import { writeFrame } from '../acceptance/support/exchange-frame.ts';
import { endOf, submit } from '../acceptance/support/setup-calls.ts';
import { startWebhookTarget } from '../acceptance/support/webhook-target.ts';

export type JourneyGround = {
  /** Calls with a key for everything. */
  readonly call: Call;
  /** Its workers obey `input.do` as the test worker does. */
  readonly endpoint: string;
  /** Nobody works here. */
  readonly unserved: string;
  /** Where workers call, and what they authenticate with. */
  readonly gatewayUrl: string;
  readonly workerToken: string;
  /**
   * The events of a job in their order, as somebody outside hears them on the broker, as soon as
   * there are `count`; undefined where there is no broker to hear them on.
   */
  readonly eventsOf: ((job: string, count: number) => Promise<readonly string[]>) | undefined;
};

const stateOf = async ({ call }: JourneyGround, endpoint: string, job: string): Promise<unknown> =>
  (await call(`GET /v2/${endpoint}/status/${job}`)).json.status;

const waitsOf = async ({ call }: JourneyGround, endpoint: string): Promise<unknown> =>
  JSON.parse((await call(`GET /v2/${endpoint}/health`)).text).jobs.inQueue;

/** What becomes of a job, through every door that shows it. */
export const journeySuite = (ground: () => JourneyGround): void => {
  finishing(ground);
  ending(ground);
  leaving(ground);
};

const finishing = (ground: () => JourneyGround): void => {
  it('a job is accepted, run, and its result told by status, webhook and events', async () => {
    const { call, endpoint, eventsOf } = ground();
    await using target = await startWebhookTarget();
    const input = { do: 'echo', n: 1.5 };
    const job = await submit(call, endpoint, { input, webhook: target.url });
    const end = await endOf(call, endpoint, job);
    assert.equal(end.json.status, 'COMPLETED');
    assert.deepEqual(end.json.output, input);
    const told = JSON.parse((await target.bodyFor(job)).toString());
    assert.deepEqual([told.id, told.status, told.output], [job, 'COMPLETED', input]);
    assert.deepEqual(await eventsOf?.(job, 3), eventsOf && ['accepted', 'started', 'completed']);
  });

  it('the chunks of a job are streamed in their order', async () => {
    const { call, endpoint } = ground();
    const job = await submit(call, endpoint, {
      input: { do: 'stream', count: 5, aggregate: true },
    });
    const outputs: unknown[] = [];
    for (let status = 'IN_QUEUE'; status !== 'COMPLETED'; ) {
      const body = JSON.parse((await call(`GET /v2/${endpoint}/stream/${job}`)).text);
      for (const chunk of body.stream) outputs.push(chunk.output);
      assert.notEqual(body.status, 'FAILED');
      status = body.status;
    }
    const all = await call(`GET /v2/${endpoint}/status/${job}`);
    assert.deepEqual(outputs, all.json.output);
    assert.equal(outputs.length, 5);
  });

  it('an endpoint works through what comes at once, each job once', async () => {
    const { call, endpoint } = ground();
    const jobs = await Promise.all(
      Array.from({ length: 100 }, (_, n) => submit(call, endpoint, { input: { do: 'echo', n } })),
    );
    const ends = await Promise.all(jobs.map((job) => endOf(call, endpoint, job)));
    assert.deepEqual(
      ends.map(({ json }) => json.output),
      jobs.map((_, n) => ({ do: 'echo', n })),
    );
  });
};

const ending = (ground: () => JourneyGround): void => {
  it('a job that failed runs again when its client asks for it', async () => {
    const { call, endpoint, eventsOf } = ground();
    const job = await submit(call, endpoint, { input: { do: 'fail' } });
    assert.equal((await endOf(call, endpoint, job)).json.status, 'FAILED');
    const retried = await call(`POST /v2/${endpoint}/retry/${job}`);
    assert.equal(retried.status, 200, retried.text);
    assert.equal((await endOf(call, endpoint, job)).json.status, 'FAILED');
    const once = ['started', 'failed'];
    assert.deepEqual(
      await eventsOf?.(job, 6),
      eventsOf && ['accepted', ...once, 'retried', ...once],
    );
  });

  it('a job is cancelled while it waits, and while it runs', async () => {
    const here = ground();
    const { call, endpoint, unserved, eventsOf } = here;
    const waiting = await submit(call, unserved, { input: {} });
    await call(`POST /v2/${unserved}/cancel/${waiting}`);
    assert.equal(await stateOf(here, unserved, waiting), 'CANCELLED');
    assert.deepEqual(await eventsOf?.(waiting, 2), eventsOf && ['accepted', 'cancelled']);

    const running = await submit(call, endpoint, { input: { do: 'sleep', ms: 600_000 } });
    while ((await stateOf(here, endpoint, running)) === 'IN_QUEUE');
    await call(`POST /v2/${endpoint}/cancel/${running}`);
    assert.equal(await stateOf(here, endpoint, running), 'CANCELLED');
    assert.deepEqual(
      await eventsOf?.(running, 3),
      eventsOf && ['accepted', 'started', 'cancelled'],
    );
  });

  it('a queue is purged of all that waits', async () => {
    const here = ground();
    const { call, unserved } = here;
    const jobs = await Promise.all(
      Array.from({ length: 10 }, () => submit(call, unserved, { input: {} })),
    );
    assert.equal(await waitsOf(here, unserved), 10);
    const purged = await call(`POST /v2/${unserved}/purge-queue`);
    assert.equal(purged.json.removed, 10, purged.text);
    assert.equal(await waitsOf(here, unserved), 0);
    for (const job of jobs) assert.equal(await stateOf(here, unserved, job), 'CANCELLED');
  });
};

const SLOTS = 100;
const TRIES = 3;

/** A worker of our library's protocol that waits for jobs, until its connection breaks. */
const waitAndBreakOff = async ({ gatewayUrl, workerToken, unserved, call }: JourneyGround) => {
  const frame = writeFrame({ free: SLOTS, held: [], waitMs: 20_000, posts: [] }, []);
  const url = `${gatewayUrl}/v2/${unserved}/exchange/breaks-off`;
  const headers = { authorization: workerToken, 'content-type': 'application/octet-stream' };
  const waiting = request(url, { method: 'POST', headers });
  waiting.on('error', () => undefined);
  waiting.end(frame);
  while (!(await call('GET /v1/workers')).text.includes('"breaks-off"'));
  waiting.destroy();
};

const leaving = (ground: () => JourneyGround): void => {
  it('a worker whose connection broke off is given nothing more', async () => {
    const here = ground();
    await waitAndBreakOff(here);
    const states: unknown[] = [];
    // The first submission may be quicker than the news of the connection's end.
    while (states.at(-1) !== 'IN_QUEUE' && states.length < TRIES) {
      const job = await submit(here.call, here.unserved, { input: {} });
      const path = `GET /v2/${here.unserved}/status-sync/${job}?wait=1000`;
      states.push((await here.call(path)).json.status);
    }
    assert.equal(states.at(-1), 'IN_QUEUE');
    await here.call(`POST /v2/${here.unserved}/purge-queue`);
  });
};
