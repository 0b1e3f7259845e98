import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type EndpointId,
  encodeFrame,
  type JobId,
  newJobId,
  parseEndpointId,
  parseWorkerId,
} from '@switchyard/contracts';
import type { JobStatus } from '@switchyard/store';
import { createProgressMemory } from './remember-progress.ts';

const ECHO = parseEndpointId('echo') as EndpointId;

const running = (jobId: JobId, claimNo = 1): JobStatus => ({
  jobId,
  state: 'IN_PROGRESS',
  createdAt: new Date(0),
  rank: 1,
  escalatedAt: null,
  attempt: 1,
  claimNo,
  workerId: parseWorkerId('w') ?? null,
  delayMs: 0,
  executionMs: 0,
  deadlineAt: null,
  startAt: null,
  output: null,
  error: null,
  isCut: false,
});

const told = (job: JobId, output: string, claimNo: number | null = 1, endpoint = 'echo'): Buffer =>
  encodeFrame({ endpoint, job, claimNo, worker: 'w' }, [Buffer.from(output)]);

test('the last progress of the running claim is its output', () => {
  const memory = createProgressMemory();
  const id = newJobId('async');
  memory.hear(told(id, '1'));
  memory.hear(told(id, '2', null));
  assert.equal(memory.outputOf(ECHO, running(id))?.toString(), '2');
  memory.hear(told(id, '3', 1));
  assert.equal(memory.outputOf(ECHO, running(id, 2)), null);
  assert.equal(memory.outputOf(ECHO, { ...running(id), state: 'IN_QUEUE' }), null);
  assert.equal(memory.outputOf(parseEndpointId('other') as EndpointId, running(id)), null);
});

test('what is malformed or too large is passed over', () => {
  const memory = createProgressMemory();
  const id = newJobId('async');
  memory.hear(Buffer.from('rubbish'));
  memory.hear(encodeFrame({ job: id }, [Buffer.from('1')]));
  memory.hear(encodeFrame({ endpoint: 'echo', job: id, claimNo: 1, worker: 'w' }, []));
  memory.hear(told(id, `"${'x'.repeat(65_535)}"`));
  assert.equal(memory.outputOf(ECHO, running(id)), null);
});

test('the memory is bounded: whoever was silent longest is forgotten', () => {
  const memory = createProgressMemory();
  const large = `"${'x'.repeat(65_534)}"`;
  const ids = Array.from({ length: 1_030 }, () => newJobId('async'));
  for (const id of ids) memory.hear(told(id, large));
  const kept = ids.map((id) => memory.outputOf(ECHO, running(id)) !== null);
  assert.equal(kept.filter(Boolean).length, 1_024);
  assert.deepEqual(kept.slice(0, 6), [false, false, false, false, false, false]);
});
