import assert from 'node:assert/strict';
import { it } from 'node:test';
import { factOf } from '../../support/start-runpod-worker.ts';
import { type Fixture, openEndpoint } from './own-endpoint.ts';

const LOST_WITHIN_MS = 90_000;

const registerRuns = (fixture: Fixture): void => {
  it('a job that a worker drops after SIGTERM runs on another', async (t) => {
    const { client, startWorker } = openEndpoint(t, fixture);
    const leaving = startWorker();
    const first = await client.submit({ first: true });
    const taken = leaving.fact(factOf('drop'), 30_000);
    // The next poll begins in the same turn in which this answer is written down, so that it is
    // held when the signal comes.
    await leaving.fact(factOf('answer', first));
    leaving.terminate();
    await leaving.fact(factOf('sigterm'));
    const jobId = await client.submit({ second: true });
    assert.equal((await taken).jobId, jobId);
    const other = startWorker();
    await other.fact(factOf('start', jobId), LOST_WITHIN_MS);
    const done = await client.ended(jobId);
    assert.deepEqual([done.status, done.workerId], ['COMPLETED', other.workerId]);
    assert.ok(!leaving.facts().some(factOf('start', jobId)));
  });

  it('the job of a worker that was killed runs on another', async (t) => {
    const { client, startWorker } = openEndpoint(t, fixture);
    const doomed = startWorker();
    const jobId = await client.submit({ do: 'vanish', onlyOn: doomed.workerId });
    await doomed.exited;
    await doomed.close();
    const other = startWorker();
    await other.fact(factOf('start', jobId), LOST_WITHIN_MS);
    const done = await client.ended(jobId);
    assert.deepEqual([done.status, done.workerId], ['COMPLETED', other.workerId]);
  });
};

/** Registers what becomes of jobs whose worker does not finish them. */
export const registerLosses = (fixture: Fixture): void => {
  registerRuns(fixture);
  it('pings that outlive their worker do not keep its job for ever', async (t) => {
    const { client, startWorker } = openEndpoint(t, fixture);
    const doomed = startWorker();
    const policy = { executionTimeout: 6_000 };
    const jobId = await client.submit({ do: 'vanish' }, { policy });
    await doomed.exited;
    await doomed.fact((fact) => fact.event === 'ping' && fact.jobIds?.includes(jobId) === true);
    assert.equal((await client.ended(jobId, 20_000)).status, 'TIMED_OUT');
  });

  it('a result that was never posted is noticed, and spends the attempts', async (t) => {
    const { client, startWorker } = openEndpoint(t, fixture);
    const worker = startWorker();
    const jobId = await client.submit({ do: 'lose' });
    const failed = await client.ended(jobId, 60_000);
    assert.equal(failed.status, 'FAILED');
    assert.ok(failed.error !== undefined && failed.error !== '', 'it says why');
    assert.equal(worker.facts().filter(factOf('lose', jobId)).length, 3);
  });
};
