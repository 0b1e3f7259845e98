import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readConfig } from './config.ts';

const ENV = {
  RUNPOD_WEBHOOK_GET_JOB: 'http://127.0.0.1:8081/below/v2/echo/job-take/$ID?gpu=none',
  RUNPOD_AI_API_KEY: 'token',
  RUNPOD_POD_ID: 'worker-1',
};

test('the exchange stands where the job-take stands', () => {
  const config = readConfig({}, ENV);
  assert.equal(config.exchangeUrl.href, 'http://127.0.0.1:8081/below/v2/echo/exchange/worker-1');
  assert.deepEqual([config.token, config.concurrency, config.parentPid], ['token', 1, undefined]);
});

test('options win over the environment', () => {
  const options = { gatewayUrl: 'https://gw.example/', endpoint: 'other', concurrency: 3 };
  const env = { ...ENV, SWITCHYARD_WORKER_CONCURRENCY: '8', SWITCHYARD_PARENT_PID: '42' };
  const config = readConfig({ ...options, token: 't', workerId: 'w' }, env);
  assert.equal(config.exchangeUrl.href, 'https://gw.example/v2/other/exchange/w');
  assert.deepEqual([config.token, config.concurrency, config.parentPid], ['t', 3, 42]);
  assert.equal(readConfig({}, env).concurrency, 8);
});

test('everything that is missing is named at once', () => {
  assert.throws(
    () => readConfig({}, {}),
    /missing or wrong are .*RUNPOD_POD_ID.*RUNPOD_AI_API_KEY.*RUNPOD_WEBHOOK_GET_JOB/,
  );
});

for (const [name, value] of [
  ['SWITCHYARD_WORKER_CONCURRENCY', '0'],
  ['SWITCHYARD_WORKER_CONCURRENCY', 'many'],
  ['SWITCHYARD_PARENT_PID', '-1'],
  ['RUNPOD_WEBHOOK_GET_JOB', 'http://127.0.0.1/take'],
  ['RUNPOD_WEBHOOK_GET_JOB', 'ftp://127.0.0.1/v2/echo/job-take/$ID'],
  ['RUNPOD_POD_ID', '../x'],
  ['RUNPOD_AI_API_KEY', 'a\nb'],
] as const) {
  test(`${name}=${JSON.stringify(value)} is refused by name`, () => {
    assert.throws(() => readConfig({}, { ...ENV, [name]: value }), new RegExp(name));
  });
}
