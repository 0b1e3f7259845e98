import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type EndpointId, newJobId, type WorkerId } from '@switchyard/contracts';
import { createStopper } from './stop-jobs.ts';
import { createWorkerBook, type HandedJob } from './track-workers.ts';

const ENDPOINT = 'echo' as EndpointId;
const WORKER = 'one' as WorkerId;
const nothing = () => undefined;

/** A worker, its stopper, and a job that is handed to it claim by claim. */
const openStopper = () => {
  const workers = createWorkerBook(nothing, nothing);
  const worker = workers.see(ENDPOINT, WORKER);
  const ended: string[] = [];
  const stopper = createStopper(workers, (workerId) => ended.push(workerId));
  const jobId = newJobId('async');
  const rest = { executionTimeoutMs: 60_000, webhook: null, s3Config: undefined };
  const give = (claimNo: number): void => {
    const job: HandedJob = { jobId, claimNo, input: Buffer.from('1'), ...rest };
    workers.deliver(ENDPOINT, WORKER, [job]);
  };
  const stop = (claimNo: number, reason: 'not_held' | 'overrun' = 'not_held'): void =>
    stopper.stop(ENDPOINT, [{ workerId: WORKER, jobId, claimNo, reason }]);
  const poll = () => {
    worker.poll = { free: 1, answer: () => true };
  };
  return { worker, stopper, jobId, give, stop, poll, ended };
};

test('a stop does not end a newer claim of the same job on the same RunPod worker', () => {
  const { worker, jobId, give, stop, poll, ended } = openStopper();
  poll();
  give(2);
  stop(1, 'overrun');
  assert.deepEqual([...worker.stops], []);
  assert.equal(worker.holds.get(jobId)?.claimNo, 2);
  assert.deepEqual(ended, []);

  stop(2);
  assert.equal(worker.stops.get(jobId)?.claimNo, 2);
  assert.equal(worker.holds.size, 0);
});

test('a stop that was not told yet is forgotten when the job is handed over again', () => {
  const { worker, jobId, give, stop, poll } = openStopper();
  for (const claimNo of [1, 0]) {
    poll();
    stop(claimNo);
    assert.ok(worker.stops.has(jobId));
    give(2);
    assert.deepEqual([...worker.stops], []);
  }
  stop(2);
  poll();
  give(2);
  assert.ok(worker.stops.has(jobId), 'this claim was stopped while it was on its way');
});

test('a stop takes its own claim out of the mailbox, and no newer one', () => {
  const { worker, jobId, give, stop } = openStopper();
  const mailed = () => worker.mailbox.map(({ job }) => job.claimNo);
  worker.free = 2;
  stop(1);
  give(2);
  assert.deepEqual([...worker.stops], []);
  stop(1);
  assert.deepEqual(mailed(), [2]);
  assert.deepEqual([...worker.stops], []);
  stop(0);
  assert.deepEqual(mailed(), []);
  assert.ok(worker.stops.has(jobId));
});

test('a worker that holds on to a job well after its stop is ended', (t) => {
  let nowMs = 0;
  t.mock.method(performance, 'now', () => nowMs);
  const { worker, stopper, jobId, stop, ended } = openStopper();
  const lookUntil = (untilMs: number): void => {
    for (; nowMs <= untilMs; nowMs += 1_000) stopper.endDisobedient();
  };
  stop(1);
  lookUntil(20_000);
  assert.deepEqual(ended, []);
  // The look at what it lists repeats the stop.
  stop(0);
  worker.posting.set(jobId, { hooked: false });
  lookUntil(21_000);
  assert.deepEqual(ended, [], 'it waits for an answer to its posts');
  worker.posting.clear();
  nowMs = 30_000;
  lookUntil(50_000);
  assert.deepEqual(ended, [], 'it could not be heard for a while');
  lookUntil(51_000);
  assert.deepEqual(ended, [WORKER]);

  worker.stops.clear();
  lookUntil(80_000);
  assert.deepEqual(ended, [WORKER], 'one that obeys goes on');
});
