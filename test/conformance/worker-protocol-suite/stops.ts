import assert from 'node:assert/strict';
import { it } from 'node:test';
import { factOf } from '../../support/start-runpod-worker.ts';
import { objectOf } from '../answer-shapes.ts';
import { type Fixture, openEndpoint } from './own-endpoint.ts';

const STOP_WITHIN_MS = 2_000;
/** Two seconds, less what the clocks and the way between may blur. */
const REPEAT_AT_LEAST_MS = 1_800;

const registerCancels = (fixture: Fixture): void => {
  it('a cancelled handler stops within 2 s and posts nothing; its neighbour runs on', async (t) => {
    const { client, startWorker } = openEndpoint(t, fixture);
    const worker = startWorker({ concurrency: 2 });
    const jobId = await client.submit({ do: 'sleep', ms: 60_000 });
    const neighbour = await client.submit({ do: 'sleep', ms: 4_000 });
    await worker.fact(factOf('start', jobId));
    await worker.fact(factOf('start', neighbour));
    await client.cancel(jobId);
    await worker.fact(factOf('cancelled', jobId), STOP_WITHIN_MS);
    assert.equal((await client.ended(neighbour)).status, 'COMPLETED');
    assert.ok(!worker.facts().some(factOf('post', jobId)));
    const status = await client.status(jobId);
    assert.deepEqual([status.status, status.output], ['CANCELLED', undefined]);
  });

  it('the late result of a blocking handler is answered 200 and ignored', async (t) => {
    const { client, startWorker } = openEndpoint(t, fixture);
    const worker = startWorker();
    const jobId = await client.submit({ do: 'block', ms: 3_000 });
    await worker.fact(factOf('start', jobId));
    await client.cancel(jobId);
    const answer = await worker.fact(factOf('answer', jobId, 'job-done'));
    assert.equal(answer.status, 200);
    assert.equal(objectOf(JSON.parse(answer.body ?? '')).accepted, false);
    const status = await client.status(jobId);
    assert.deepEqual([status.status, status.output], ['CANCELLED', undefined]);
  });

  it('a stop is repeated while the worker lists the job, at most once in 2 s', async (t) => {
    const { client, startWorker } = openEndpoint(t, fixture);
    const worker = startWorker({ concurrency: 2 });
    const jobId = await client.submit({ do: 'stubborn', ms: 7_000 });
    await worker.fact(factOf('start', jobId));
    await client.cancel(jobId);
    await worker.fact(factOf('answer', jobId, 'job-done'));
    const stops = worker.facts().filter(factOf('stop', jobId));
    assert.ok(stops.length >= 2, `${stops.length} stops in 7 s`);
    for (const [index, stop] of stops.entries()) {
      const gapMs = stop.at - (stops[index - 1]?.at ?? 0);
      assert.ok(gapMs >= REPEAT_AT_LEAST_MS, `repeated after ${gapMs} ms`);
    }
  });
};

/** Registers what a running job's end by somebody else means to its worker. */
export const registerStops = (fixture: Fixture): void => {
  registerCancels(fixture);
  it('a job past its executionTimeout is stopped', async (t) => {
    const { client, startWorker } = openEndpoint(t, fixture);
    const worker = startWorker();
    const policy = { executionTimeout: 6_000 };
    const jobId = await client.submit({ do: 'sleep', ms: 60_000 }, { policy });
    const started = await worker.fact(factOf('start', jobId));
    const stopped = await worker.fact(factOf('cancelled', jobId), 12_000);
    const ranMs = stopped.at - started.at;
    assert.ok(ranMs > 5_500 && ranMs < 10_000, `stopped after ${ranMs} ms`);
    assert.equal((await client.status(jobId)).status, 'TIMED_OUT');
  });
};
