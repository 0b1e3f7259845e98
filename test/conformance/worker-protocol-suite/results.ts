import assert from 'node:assert/strict';
import { it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import type { JournalLine } from '../../support/runpod-worker/journal.ts';
import { factOf } from '../../support/start-runpod-worker.ts';
import { objectOf } from '../answer-shapes.ts';
import { type Fixture, openEndpoint } from './own-endpoint.ts';

/** JSON that does not survive being parsed and printed again. */
const EXACT_INPUT =
  '{"b":12345678901234567890,"a" : 1e400, "d":0.1000,"s":"\\u0000é\\ud800","ws":[ 1 ,\t2 ]}';

const rawOf = (fact: JournalLine): string =>
  Buffer.from(fact.rawBase64 ?? '', 'base64').toString('utf8');

const numbered = (count: number) => Array.from({ length: count }, (_, chunk) => ({ chunk }));

const registerPlain = (fixture: Fixture): void => {
  it('an input arrives and an output returns byte for byte', async (t) => {
    const { client, startWorker } = openEndpoint(t, fixture);
    const worker = startWorker();
    const jobId = await client.submitText(`{"input": ${EXACT_INPUT}}`);
    const taken = await worker.fact(factOf('take', jobId));
    assert.ok(rawOf(taken).includes(EXACT_INPUT), rawOf(taken));
    const done = await client.ended(jobId);
    assert.deepEqual([done.status, done.workerId], ['COMPLETED', worker.workerId]);
    assert.ok((await client.statusText(jobId)).includes(EXACT_INPUT));
  });

  it('a job carries s3Config, and no key that the contract does not know', async (t) => {
    const { client, startWorker } = openEndpoint(t, fixture);
    const worker = startWorker();
    const s3Config = {
      accessId: 'canary-id',
      accessSecret: 'canary-secret',
      bucketName: 'b',
      x: 'y',
    };
    const jobId = await client.submit({ do: 'keys' }, { s3Config, strange: 1 });
    const job = objectOf(JSON.parse(rawOf(await worker.fact(factOf('take', jobId)))));
    assert.deepEqual(job.s3Config, s3Config);
    assert.ok(!('strange' in job));
    assert.equal((await client.ended(jobId)).status, 'COMPLETED');
    assert.ok(!(await client.statusText(jobId)).includes('canary'));
  });

  it('an exception and an error that was returned both fail the job visibly', async (t) => {
    const { client, startWorker } = openEndpoint(t, fixture);
    startWorker();
    const thrown = await client.ended(await client.submit({ do: 'fail' }));
    assert.equal(thrown.status, 'FAILED');
    assert.ok(JSON.stringify(thrown.error).includes('deliberate failure'));
    const returned = await client.ended(await client.submit({ do: 'error-dict' }));
    assert.equal(returned.status, 'FAILED');
    assert.ok(JSON.stringify(returned.error).includes('deliberate error'));
  });

  it('an empty result, null and a worker that wants to be replaced complete the job', async (t) => {
    const { client, startWorker } = openEndpoint(t, fixture);
    startWorker();
    const empty = await client.ended(await client.submit({ do: 'empty' }));
    assert.deepEqual([empty.status, empty.output ?? null], ['COMPLETED', null]);
    const none = await client.ended(await client.submit({ do: 'none' }));
    assert.deepEqual([none.status, none.output ?? null], ['COMPLETED', null]);
    const refresh = await client.ended(await client.submit({ do: 'refresh' }));
    assert.deepEqual([refresh.status, refresh.output], ['COMPLETED', { one: 'shot' }]);
  });

  it('batches hold at most what was asked for, and every job of them runs', async (t) => {
    const { client, startWorker } = openEndpoint(t, fixture);
    const jobIds = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => client.submit({ n })));
    const worker = startWorker({ concurrency: 4 });
    for (const jobId of jobIds) assert.equal((await client.ended(jobId)).status, 'COMPLETED');
    const takes = worker.facts().filter(factOf('take'));
    assert.deepEqual(takes.map((take) => take.jobId).sort(), [...jobIds].sort());
    for (const { call, count = 0, batchSize = 0 } of takes) {
      assert.equal(call, 'job-take-batch');
      assert.ok(count <= batchSize, `${count} jobs where ${batchSize} were asked for`);
    }
  });
};

const registerStreams = (fixture: Fixture): void => {
  it('chunks are streamed in order, and aggregated where the worker does', async (t) => {
    const { client, startWorker } = openEndpoint(t, fixture);
    startWorker();
    const plain = await client.submit({ do: 'stream', count: 10, everyMs: 30 });
    assert.deepEqual(await client.streamed(plain), numbered(10));
    assert.equal((await client.ended(plain)).status, 'COMPLETED');
    const aggregate = await client.submit({ do: 'stream', count: 5, aggregate: true });
    assert.deepEqual((await client.ended(aggregate)).output, numbered(5));
    assert.deepEqual(await client.streamed(aggregate), numbered(5));
  });

  it('chunks of a handler that fails are kept', async (t) => {
    const { client, startWorker } = openEndpoint(t, fixture);
    startWorker();
    const jobId = await client.submit({ do: 'stream-error', count: 3 });
    const failed = await client.ended(jobId);
    assert.equal(failed.status, 'FAILED');
    assert.ok(JSON.stringify(failed.error).includes('deliberate failure'));
    assert.deepEqual(await client.streamed(jobId), numbered(3));
  });

  it('a chunk of one megabyte is stored and streamed whole', async (t) => {
    const { client, startWorker } = openEndpoint(t, fixture);
    const worker = startWorker();
    const chunkBytes = 999_950;
    const jobId = await client.submit({ do: 'stream', count: 2, chunkBytes });
    const answer = await worker.fact(factOf('answer', jobId, 'job-stream'));
    assert.equal(answer.status, 200, answer.body);
    const chunks = await client.streamed(jobId);
    assert.deepEqual(
      chunks.map((chunk) => String(objectOf(chunk).filler).length),
      [chunkBytes, chunkBytes],
    );
  });

  it('progress is the output while the job runs, and ignored after its end', async (t) => {
    const { client, startWorker } = openEndpoint(t, fixture);
    const worker = startWorker();
    const jobId = await client.submit({ do: 'progress', count: 3, everyMs: 100, ms: 5_000 });
    const third = (fact: JournalLine) =>
      factOf('post', jobId, 'progress')(fact) && fact.body?.includes('"update":3') === true;
    const posted = await worker.fact(third);
    const isAnswer = factOf('answer', jobId, 'progress');
    await worker.fact((fact) => isAnswer(fact) && fact.at >= posted.at);
    // A hint: it may still be on its way to intake when the worker has its answer.
    let running = await client.status(jobId);
    while (running.status === 'IN_PROGRESS' && !isDeepStrictEqual(running.output, { update: 3 })) {
      running = await client.status(jobId);
    }
    assert.deepEqual([running.status, running.output], ['IN_PROGRESS', { update: 3 }]);
    const done = await client.ended(jobId);
    assert.deepEqual([done.status, done.output], ['COMPLETED', { done: true }]);
    const late = (fact: JournalLine) =>
      isAnswer(fact) && worker.facts().filter(isAnswer).length === 4;
    assert.equal((await worker.fact(late)).status, 200);
    assert.deepEqual((await client.status(jobId)).output, { done: true });
  });
};

export const registerResults = (fixture: Fixture): void => {
  registerPlain(fixture);
  registerStreams(fixture);
};
