/** The test worker reacts as the Python package was measured to. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Call } from './scripted-gateway.ts';
import { openScriptedGateway, type Reply, type ScriptedGateway } from './scripted-gateway.ts';
import { factOf, type RunpodWorker, startRunpodWorker } from './start-runpod-worker.ts';

type Scripted = Reply | Promise<Reply>;
type Script = {
  /** What each take is answered, in order; later ones are held. */
  takes: readonly Scripted[];
  dones?: readonly Scripted[];
  stops?: readonly Scripted[];
  concurrency?: number;
  env?: Readonly<Record<string, string>>;
};

const job = (input: unknown, id = 'job-1'): Reply => ({ status: 200, json: { id, input } });

const perform = async (
  t: TestContext,
  script: Script,
): Promise<{ gateway: ScriptedGateway; worker: RunpodWorker }> => {
  const replies: Readonly<Record<string, readonly Scripted[] | undefined>> = {
    'job-take': script.takes,
    'job-take-batch': script.takes,
    'job-done': script.dones ?? [],
    'job-stop': script.stops ?? [],
  };
  const gateway = await openScriptedGateway((call: Call, before: number): Scripted => {
    const polls = call.name.startsWith('job-take') || call.name === 'job-stop';
    return replies[call.name]?.[before] ?? (polls ? 'hold' : { status: 200 });
  });
  const worker = startRunpodWorker({
    gatewayUrl: gateway.gatewayUrl,
    endpoint: 'ep',
    workerToken: 'worker-token',
    workerId: 'pod',
    concurrency: script.concurrency ?? 1,
    ...(script.env === undefined ? {} : { env: script.env }),
  });
  t.after(async () => {
    await worker.close();
    await gateway.close();
  });
  return { gateway, worker };
};

const gapsMs = (calls: readonly Call[]): number[] =>
  calls.slice(1).map((call, index) => call.atMs - (calls[index]?.atMs ?? 0));

const near = (actual: number | undefined, wanted: number): void => {
  assert.ok(actual !== undefined && Math.abs(actual - wanted) < 800, `${actual}, not ${wanted}`);
};

describe('the test worker', { concurrency: 6, timeout: 60_000 }, () => {
  it('posts a result with the headers and the address of the package', async (t) => {
    const { gateway } = await perform(t, { takes: [job({ q: 1 })] });
    const [done] = await gateway.arrived('job-done', 1);
    assert.equal(done?.path, '/v2/ep/job-done/pod/job-1');
    assert.equal(done?.query.get('isStream'), 'false');
    assert.equal(done?.headers['content-type'], 'application/x-www-form-urlencoded');
    assert.equal(done?.headers.charset, 'utf-8');
    assert.equal(done?.headers['x-request-id'], 'job-1');
    assert.equal(done?.headers.authorization, 'worker-token');
    assert.equal(done?.headers['content-length'], String(done?.body.length));
    assert.equal(done?.body, '{"output": {"q":1}}');
    const [first, second] = await gateway.arrived('job-take', 2);
    assert.equal(first?.headers['content-type'], 'application/json');
    assert.equal(first?.headers['x-request-id'], undefined);
    assert.equal(second?.headers['x-request-id'], 'job-1', 'it leaks into later polls');
    assert.equal(first?.query.get('job_in_progress'), '0');
  });

  it('sends a result three times at 0, 2 and 5 s when it is answered 500', async (t) => {
    const dones = [{ status: 500 }, { status: 500 }, { status: 200 }];
    const { gateway } = await perform(t, { takes: [job(1)], dones });
    const [second, third] = gapsMs(await gateway.arrived('job-done', 3));
    near(second, 2_000);
    near(third, 3_000);
  });

  it('gives a result up after the third 502', async (t) => {
    const dones = Array.from({ length: 4 }, () => ({ status: 502 }));
    const { gateway, worker } = await perform(t, { takes: [job(1)], dones });
    await worker.fact(factOf('giveUp', 'job-1'));
    assert.equal(gateway.calls('job-done').length, 3);
  });

  for (const reply of [{ status: 400 }, { status: 429 }, 'reset'] as const) {
    it(`posts once and drops the result on ${JSON.stringify(reply)}`, async (t) => {
      const script = { takes: [job(1), job(2, 'job-2')], dones: [reply] };
      const { gateway, worker } = await perform(t, script);
      await worker.fact(factOf('giveUp', 'job-1'));
      const [first, second] = await gateway.arrived('job-done', 2);
      assert.deepEqual([first?.path.at(-1), second?.path.at(-1)], ['1', '2']);
    });
  }

  it('asks again at once after 204, 400 and 500', async (t) => {
    const takes = [204, 400, 500, 204, 400, 500, 401].map((status) => ({ status }));
    const { gateway } = await perform(t, { takes });
    const gaps = gapsMs(await gateway.arrived('job-take', 8));
    assert.ok(Math.max(...gaps) < 500, `${gaps}`);
  });

  it('waits 5 s after 429', async (t) => {
    const { gateway } = await perform(t, { takes: [{ status: 429 }] });
    near(gapsMs(await gateway.arrived('job-take', 2))[0], 5_000);
  });

  it('ends with 70 when a server makes it run away', async (t) => {
    const takes = Array.from({ length: 20_000 }, () => ({ status: 204 }));
    const { worker } = await perform(t, { takes, env: { TEST_POLLS_PER_SECOND_MAX: '100' } });
    assert.equal(await worker.exited, 70);
  });

  it('hangs up a held poll and asks again', async (t) => {
    const { gateway } = await perform(t, { takes: [], env: { TEST_POLL_CUT_MS: '500' } });
    near(gapsMs(await gateway.arrived('job-take', 2))[0], 500);
  });

  it('takes batches of its free slots and passes each input on byte for byte', async (t) => {
    const takes = [{ status: 200, json: [0, 1].map((n) => ({ id: `b-${n}`, input: `"${n}" ]` })) }];
    const { gateway } = await perform(t, { takes, concurrency: 3 });
    const [take] = await gateway.arrived('job-take-batch', 1);
    assert.equal(take?.query.get('batch_size'), '3');
    const bodies = (await gateway.arrived('job-done', 2)).map((done) => done.body);
    assert.deepEqual(bodies.sort(), ['{"output": "\\"0\\" ]"}', '{"output": "\\"1\\" ]"}']);
  });

  it('posts nothing for a handler that a stop cancelled', async (t) => {
    const stop = Promise.withResolvers<Reply>();
    const takes = [job({ do: 'sleep', ms: 20_000 }), job('next', 'job-2')];
    const { gateway, worker } = await perform(t, { takes, stops: [stop.promise] });
    await worker.fact(factOf('start', 'job-1'));
    stop.resolve({ status: 200, json: { jobsToStop: ['unknown', 'job-1'] } });
    await worker.fact(factOf('cancelled', 'job-1'));
    const [done] = await gateway.arrived('job-done', 1);
    assert.equal(done?.body, '{"output": "next"}');
  });

  it('streams chunks, then the result as a stream', async (t) => {
    const takes = [job({ do: 'stream', count: 3, aggregate: true })];
    const { gateway } = await perform(t, { takes });
    const chunks = await gateway.arrived('job-stream', 3);
    assert.deepEqual(
      chunks.map((chunk) => chunk.body),
      [0, 1, 2].map((chunk) => `{"output": {"chunk":${chunk}}}`),
    );
    assert.equal(chunks[0]?.query.get('isStream'), 'false');
    const [done] = await gateway.arrived('job-done', 1);
    assert.equal(done?.query.get('isStream'), 'true');
    assert.equal(done?.body, '{"output": [{"chunk":0},{"chunk":1},{"chunk":2}]}');
  });

  it('sends progress, the result and one late update', async (t) => {
    const { gateway } = await perform(t, { takes: [job({ do: 'progress', count: 1 })] });
    const bodies = (await gateway.arrived('job-done', 3)).map((done) => JSON.parse(done.body));
    assert.deepEqual(bodies, [
      { status: 'IN_PROGRESS', output: { update: 1 } },
      { output: { done: true } },
      { status: 'IN_PROGRESS', output: { update: 'late' } },
    ]);
  });

  it('reports an exception as the text of an object', async (t) => {
    const { gateway } = await perform(t, { takes: [job({ do: 'fail' })] });
    const [done] = await gateway.arrived('job-done', 1);
    const error = JSON.parse(JSON.parse(done?.body ?? '').error);
    assert.equal(error.error_message, 'deliberate failure');
    assert.equal(error.worker_id, 'pod');
  });

  it('drops the job that a held poll brings after SIGTERM, and exits 0', async (t) => {
    const take = Promise.withResolvers<Reply>();
    const stop = Promise.withResolvers<Reply>();
    const script = { takes: [take.promise], stops: [stop.promise] };
    const { gateway, worker } = await perform(t, script);
    await Promise.all([gateway.arrived('job-take', 1), gateway.arrived('job-stop', 1)]);
    worker.terminate();
    await worker.fact(factOf('sigterm'));
    take.resolve(job(1));
    await worker.fact(factOf('drop', 'job-1'));
    assert.ok(!worker.facts().some(factOf('exit')), 'the held stop poll keeps it alive');
    stop.resolve({ status: 204 });
    assert.equal(await worker.exited, 0);
    assert.equal(gateway.calls('job-done').length, 0);
  });

  it('finishes and posts the job that runs when SIGTERM comes', async (t) => {
    const stop = Promise.withResolvers<Reply>();
    const takes = [job({ do: 'sleep', ms: 1_000 })];
    const { gateway, worker } = await perform(t, { takes, stops: [stop.promise] });
    await worker.fact(factOf('start', 'job-1'));
    worker.terminate();
    stop.resolve({ status: 204 });
    assert.equal(await worker.exited, 0);
    assert.equal(gateway.calls('job-done')[0]?.body, '{"output": "slept"}');
  });

  it('keeps pinging with a frozen list when it is killed', async (t) => {
    const { gateway, worker } = await perform(t, { takes: [job({ do: 'vanish' })] });
    assert.equal(await worker.exited, null);
    const before = gateway.calls('ping').length;
    const pings = await gateway.arrived('ping', before + 2);
    assert.equal(pings.at(-1)?.query.get('job_id'), 'job-1');
    assert.equal(pings[0]?.query.get('runpod_version'), '1.12.0');
    assert.equal(gateway.calls('job-done').length, 0);
  });

  it('goes on pinging while a handler blocks everything else', async (t) => {
    const { gateway } = await perform(t, { takes: [job({ do: 'block', ms: 4_500 })] });
    const [done] = await gateway.arrived('job-done', 1);
    const during = gateway.calls('ping').filter((ping) => ping.query.get('job_id') === 'job-1');
    assert.ok(during.length >= 2, `${during.length} pings before ${done?.path}`);
  });

  it('says that it is unfit and exits 1', async (t) => {
    const { gateway, worker } = await perform(t, { takes: [], env: { TEST_UNFIT: 'E: not fit' } });
    const [ping] = await gateway.arrived('ping', 1);
    assert.equal(ping?.query.get('status'), 'unhealthy');
    assert.equal(ping?.query.get('reason'), 'E: not fit');
    assert.equal(await worker.exited, 1);
  });
});
