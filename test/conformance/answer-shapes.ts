/** What the answers of the client API look like, said once for every client that is tried. */
import assert from 'node:assert/strict';

export type JsonObject = { readonly [key: string]: unknown };

const STATES = ['IN_QUEUE', 'IN_PROGRESS', 'COMPLETED', 'FAILED', 'CANCELLED', 'TIMED_OUT'];
const JOB_COUNTS = ['completed', 'failed', 'inProgress', 'inQueue', 'retried'];
const WORKER_COUNTS = ['idle', 'initializing', 'ready', 'running', 'throttled', 'unhealthy'];

/** `value` as an object. @throws AssertionError when it is none. */
export const objectOf = (value: unknown): JsonObject => {
  assert.ok(isObject(value), `not an object: ${JSON.stringify(value)}`);
  return value;
};

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The member `name` as a string that is not empty. */
export const textOf = (value: unknown, name: string): string => {
  const member = objectOf(value)[name];
  assert.ok(typeof member === 'string' && member !== '', `no ${name}: ${JSON.stringify(value)}`);
  return member;
};

export const arrayOf = (value: unknown): readonly unknown[] => {
  assert.ok(Array.isArray(value), `not an array: ${JSON.stringify(value)}`);
  return value;
};

const assertCount = (value: unknown, name: string): void => {
  assert.ok(Number.isSafeInteger(value) && Number(value) >= 0, `${name} is ${value}`);
};

export const assertAccepted = (value: unknown): void => {
  const body = objectOf(value);
  textOf(body, 'id');
  assert.equal(body.status, 'IN_QUEUE');
};

/** A status body of any state: durations are whole and never negative, no secret is in it. */
export const assertStatusBody = (value: unknown): void => {
  const body = objectOf(value);
  textOf(body, 'id');
  assert.ok(STATES.includes(textOf(body, 'status')), `status is ${body.status}`);
  for (const name of ['delayTime', 'executionTime']) {
    if (body[name] !== undefined) assertCount(body[name], name);
  }
  if (body.workerId !== undefined) textOf(body, 'workerId');
  for (const name of ['input', 's3Config', 'webhook']) assert.ok(!(name in body), name);
};

export const assertCompleted = (value: unknown): void => {
  assertStatusBody(value);
  const body = objectOf(value);
  assert.equal(body.status, 'COMPLETED', JSON.stringify(value));
  assertCount(body.delayTime, 'delayTime');
  assertCount(body.executionTime, 'executionTime');
  textOf(body, 'workerId');
};

export const assertStream = (value: unknown): void => {
  const body = objectOf(value);
  assert.ok(STATES.includes(textOf(body, 'status')));
  for (const chunk of arrayOf(body.stream)) assert.ok('output' in objectOf(chunk));
};

export const assertHealth = (value: unknown): void => {
  const { jobs, workers } = objectOf(value);
  assert.deepEqual(Object.keys(objectOf(jobs)).sort(), JOB_COUNTS);
  assert.deepEqual(Object.keys(objectOf(workers)).sort(), WORKER_COUNTS);
  for (const [name, count] of Object.entries(objectOf(jobs))) assertCount(count, name);
  for (const [name, count] of Object.entries(objectOf(workers))) assertCount(count, name);
};

export const assertPurged = (value: unknown): void => {
  assertCount(objectOf(value).removed, 'removed');
  assert.equal(objectOf(value).status, 'completed');
};

export const assertCancelled = (value: unknown): void => {
  textOf(value, 'id');
  assert.equal(objectOf(value).status, 'CANCELLED');
};
