import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { newJobId } from './ids.ts';
import { printStatusBody } from './status-body.ts';

const nothing = {
  delayMs: null,
  executionMs: null,
  workerId: null,
  output: null,
  error: null,
};

test('a job that has not run yet is its id and status alone', () => {
  const id = newJobId('async');
  const body = printStatusBody({ ...nothing, id, status: 'IN_QUEUE' });
  assert.equal(body.toString(), `{"id":"${id}","status":"IN_QUEUE"}`);
});

test("the worker's bytes stand in the body as they came", () => {
  const id = newJobId('sync');
  const raw = ' {"n" : 12345678901234567890, "z":"\\u0000\\ud800", "z":1e400, "f":0.1000 }';
  const body = printStatusBody({
    id,
    status: 'FAILED',
    delayMs: 1,
    executionMs: 0,
    workerId: 'w-1',
    output: Buffer.from(raw),
    error: Buffer.from('"no"'),
    switchyard: {
      priority: 'high',
      escalatedAt: null,
      attempt: 1,
      deadlineAt: null,
      createdAt: new Date('2026-01-01T00:00:00Z'),
    },
  });
  assert.equal(
    body.toString(),
    `{"id":"${id}","status":"FAILED","delayTime":1,"executionTime":0,"workerId":"w-1",` +
      `"output":${raw},"error":"no","switchyard":{"priority":"high","attempt":1,` +
      '"createdAt":"2026-01-01T00:00:00.000Z"}}',
  );
});

test('whatever JSON the worker gave, the body is JSON that holds it', () => {
  const id = newJobId('async');
  fc.assert(
    fc.property(fc.json(), fc.json(), fc.string(), (output, error, workerId) => {
      const body = printStatusBody({
        ...nothing,
        id,
        status: 'COMPLETED',
        workerId,
        output: Buffer.from(output),
        error: Buffer.from(error),
      });
      const read: unknown = JSON.parse(body.toString());
      assert.deepEqual(read, {
        id,
        status: 'COMPLETED',
        workerId,
        output: JSON.parse(output),
        error: JSON.parse(error),
      });
    }),
  );
});
