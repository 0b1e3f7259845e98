import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type EndpointId, type JobId, parseWorkerId } from '@switchyard/contracts';
import {
  appendChunks,
  type Chunk,
  type ClaimedJob,
  cancelJobs,
  isFullAnswer,
  peekStreamChunks,
  requeueJobs,
  type StreamedChunk,
  takeStreamChunks,
} from '@switchyard/store';
import { checkInvariants } from '../support/invariants.ts';
import { withStore } from '../support/store.ts';
import { acceptOne, claimOne, finish, makeEndpoint, PROCESS } from './jobs.ts';

const database = await withStore();
const { store } = database;
after(() => database[Symbol.asyncDispose]());

const started = async (): Promise<{ endpointId: EndpointId; job: ClaimedJob }> => {
  const endpointId = await makeEndpoint(store);
  await acceptOne(store, endpointId);
  return { endpointId, job: await claimOne(store, endpointId) };
};

const append = (endpointId: EndpointId, job: ClaimedJob, ...seqs: readonly number[]) =>
  appendChunks(
    store,
    endpointId,
    seqs.map((seq) => ({ ...job, seq, output: Buffer.from(`"${job.claimNo}.${seq}"`) })),
  );

/** A chunk that came with a post of RunPod's protocol. */
const posted = ({ jobId, workerId }: ClaimedJob, text: string, heldMs = 0): Chunk => ({
  ...{ jobId, workerId, claimNo: null, seq: null, postId: randomUUID(), heldMs },
  output: Buffer.from(text),
});

const textsIn = (chunks: readonly StreamedChunk[]): string[] =>
  chunks.map(({ output }) => String(output));

describe('chunks', () => {
  test('come back in their order, byte for byte, however they were batched', async () => {
    const { endpointId, job } = await started();
    await append(endpointId, job, 2, 0);
    await append(endpointId, job, 1);
    const chunks = await peekStreamChunks(store, endpointId, job.jobId, 0);
    assert.deepEqual(textsIn(chunks), ['"1.0"', '"1.1"', '"1.2"']);
    assert.deepEqual(textsIn(await peekStreamChunks(store, endpointId, job.jobId, 2)), ['"1.2"']);
    const raw = Buffer.from([0, 255, 1]);
    await appendChunks(store, endpointId, [{ ...job, seq: 3, output: raw }]);
    const [last] = await peekStreamChunks(store, endpointId, job.jobId, 3);
    assert.deepEqual(last?.output, raw);
  });

  test('without a number go behind the last one', async () => {
    const { endpointId, job } = await started();
    for (const text of ['a', 'b', 'c']) {
      assert.deepEqual(await appendChunks(store, endpointId, [posted(job, text)]), [true]);
    }
    const chunks = await peekStreamChunks(store, endpointId, job.jobId, 0);
    assert.deepEqual(
      chunks.map(({ seq }) => seq),
      [0, 1, 2],
    );
    assert.deepEqual(textsIn(chunks), ['a', 'b', 'c']);
  });

  test('given twice are stored once, as they came first', async () => {
    const { endpointId, job } = await started();
    assert.deepEqual(await append(endpointId, job, 0, 1), [true, true]);
    const again = { ...job, seq: 1, output: Buffer.from('"other"') };
    assert.deepEqual(await appendChunks(store, endpointId, [again]), [true]);
    const chunks = await peekStreamChunks(store, endpointId, job.jobId, 0);
    assert.deepEqual(textsIn(chunks), ['"1.0"', '"1.1"']);
  });

  test('without a number are stored once, also behind later ones', async () => {
    const { endpointId, job } = await started();
    const first = posted(job, '"a"');
    // The same bytes of another post are another chunk.
    for (const chunk of [first, first, posted(job, '"a"'), posted(job, '"b"'), first]) {
      assert.deepEqual(await appendChunks(store, endpointId, [chunk]), [true]);
    }
    const chunks = await peekStreamChunks(store, endpointId, job.jobId, 0);
    assert.deepEqual(textsIn(chunks), ['"a"', '"a"', '"b"']);
  });

  test('without a number do not come into a later claim of their worker', async () => {
    const { endpointId, job } = await started();
    const stored = posted(job, '"stored"');
    await appendChunks(store, endpointId, [stored]);
    await requeueJobs(store, endpointId, PROCESS, 'worker_lost', [job]);
    const again = await claimOne(store, endpointId);
    assert.equal(again.workerId, job.workerId);
    const held = posted(job, '"held"', 10_000);
    assert.deepEqual(await appendChunks(store, endpointId, [held]), [false]);
    await appendChunks(store, endpointId, [stored]);
    await pause(100);
    await appendChunks(store, endpointId, [posted(again, '"held too"', 50)]);
    await appendChunks(store, endpointId, [posted(again, '"new"')]);
    const chunks = await peekStreamChunks(store, endpointId, job.jobId, 0);
    assert.deepEqual(textsIn(chunks), ['"held too"', '"new"']);
  });

  test('are refused, each by itself, of a worker that does not hold the job', async () => {
    const { endpointId, job } = await started();
    const other = parseWorkerId('other') ?? assert.fail('is an id');
    const output = Buffer.from('1');
    const chunks = [
      { ...job, workerId: other, seq: 0, output },
      { ...job, seq: 0, output },
      { ...job, claimNo: 2, seq: 1, output },
    ];
    assert.deepEqual(await appendChunks(store, endpointId, chunks), [false, true, false]);
    await finish(store, endpointId, job);
    assert.deepEqual(await append(endpointId, job, 1), [false]);
    const running = await started();
    await cancelJobs(store, running.endpointId, PROCESS, [running.job.jobId]);
    assert.deepEqual(await append(running.endpointId, running.job, 0), [false]);
  });
});

describe('readers of a stream', () => {
  test('two of them share it: no chunk twice, none left out', async () => {
    const { endpointId, job } = await started();
    const got: string[] = [];
    const written = 300;
    let isWritten = false;
    const write = async (): Promise<void> => {
      for (let seq = 0; seq < written; seq += 3)
        await append(endpointId, job, seq, seq + 1, seq + 2);
      isWritten = true;
    };
    const read = async (reader: typeof store): Promise<void> => {
      for (;;) {
        const wasWritten = isWritten;
        const chunks = await takeStreamChunks(reader, endpointId, job.jobId);
        got.push(...textsIn(chunks));
        if (chunks.length === 0 && wasWritten) return;
      }
    };
    await Promise.all([write(), read(store), read(database.another()), read(store)]);
    assert.equal(got.length, written);
    assert.equal(new Set(got).size, written);
  });

  test('of a job without chunks get none, and wait for nobody', async () => {
    const { endpointId, job } = await started();
    const looks = Array.from({ length: 8 }, () => takeStreamChunks(store, endpointId, job.jobId));
    assert.deepEqual((await Promise.all(looks)).flat(), []);
    await append(endpointId, job, 0);
    assert.equal((await takeStreamChunks(store, endpointId, job.jobId)).length, 1);
    assert.equal((await takeStreamChunks(store, endpointId, job.jobId)).length, 0);
  });

  test('see the newest claim alone', async () => {
    const { endpointId, job } = await started();
    await append(endpointId, job, 0, 1, 2);
    assert.equal((await takeStreamChunks(store, endpointId, job.jobId)).length, 3);
    await requeueJobs(store, endpointId, PROCESS, 'worker_lost', [job]);
    const second = await claimOne(store, endpointId, 'worker-2');
    assert.deepEqual(await append(endpointId, job, 3), [false], 'what a lost worker still posts');
    assert.deepEqual(await takeStreamChunks(store, endpointId, job.jobId), []);
    await append(endpointId, second, 0, 1);
    assert.deepEqual(textsIn(await peekStreamChunks(store, endpointId, job.jobId, 0)), [
      '"2.0"',
      '"2.1"',
    ]);
    assert.deepEqual(await taken(endpointId, job.jobId), ['"2.0"', '"2.1"']);
  });

  test('get at most a thousand chunks at once, and the rest with the next look', async () => {
    const { endpointId, job } = await started();
    const all = Array.from({ length: 1_500 }, (_, seq) => seq);
    await append(endpointId, job, ...all);
    assert.equal((await takeStreamChunks(store, endpointId, job.jobId)).length, 1_000);
    assert.equal((await takeStreamChunks(store, endpointId, job.jobId)).length, 500);
  });

  test('get about 16 MiB at once, and always the next chunk whatever its size', async () => {
    const { endpointId, job } = await started();
    const MIB = 1_048_576;
    const sizes = [9, 9, 17, 1, 1].map((mib) => mib * MIB);
    // One by one, as a worker's larger chunks come.
    for (const [seq, size] of sizes.entries()) {
      const output = Buffer.alloc(size, 'x');
      await appendChunks(store, endpointId, [{ ...job, seq, output }]);
    }
    const looks: { seqs: number[]; full: boolean }[] = [];
    let from = 0;
    for (;;) {
      const peeked = await peekStreamChunks(store, endpointId, job.jobId, from);
      const chunks = await takeStreamChunks(store, endpointId, job.jobId);
      const seqs = chunks.map(({ seq }) => seq);
      assert.deepEqual(
        peeked.map(({ seq }) => seq),
        seqs,
      );
      if (chunks.length === 0) break;
      looks.push({ seqs, full: isFullAnswer(chunks) });
      from += chunks.length;
    }
    assert.deepEqual(looks, [
      { seqs: [0, 1], full: true },
      { seqs: [2], full: true },
      { seqs: [3, 4], full: false },
    ]);
  });

  const taken = async (endpointId: EndpointId, jobId: JobId): Promise<string[]> =>
    textsIn(await takeStreamChunks(store, endpointId, jobId));

  test('leave no rule broken', async () => {
    assert.deepEqual(await checkInvariants(database.url), []);
  });
});
