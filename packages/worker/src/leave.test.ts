import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { start } from './index.ts';
import { ScriptedExchange } from './scripted-exchange.ts';

const QUIET = { info: () => undefined, warn: () => undefined, error: () => undefined };
const TEST = { timeout: 20_000 };

for (const way of ['stop', 'drain'] as const) {
  test(`after ${way} the worker takes no more, finishes what runs, and leaves`, TEST, async () => {
    await using gateway = await new ScriptedExchange().listen();
    let finish = (): void => undefined;
    const handler = () => new Promise<void>((resolve) => (finish = resolve));
    const options = { ...gateway.connection, concurrency: 2, log: QUIET, signals: false };
    const worker = start({ ...options, handler });
    gateway.give('a', null);
    await gateway.until(() => gateway.requests.find(({ free }) => free === 1));
    if (way === 'stop') void worker.stop();
    else gateway.drain();
    await gateway.until(() => gateway.requests.find(({ free, held }) => free + held.length === 1));
    gateway.give('b', null);
    finish();
    await worker.done;
    assert.deepEqual(
      gateway.stored.map(({ job }) => job),
      ['a'],
    );
  });
}

const PROGRAM = `
  import { start } from '${new URL('./index.ts', import.meta.url).href}';
  start({ handler: (job) => new Promise((resolve) => setTimeout(resolve, job.input, 'ok')) });
`;

const spawnWorker = (gateway: ScriptedExchange, more: Record<string, string> = {}) => {
  const { gatewayUrl, endpoint, token, workerId } = gateway.connection;
  return spawn(process.execPath, ['--input-type=module', '--eval', PROGRAM], {
    stdio: 'ignore',
    env: {
      RUNPOD_WEBHOOK_GET_JOB: `${gatewayUrl}/v2/${endpoint}/job-take/$ID?gpu=none`,
      RUNPOD_AI_API_KEY: token,
      RUNPOD_POD_ID: workerId,
      ...more,
    },
  });
};

test(
  'SIGTERM lets the process finish its job and exit 0; a second one ends it at once',
  TEST,
  async () => {
    for (const [inputMs, signals, code] of [
      [300, 1, 0],
      [60_000, 2, 143],
    ] as const) {
      await using gateway = await new ScriptedExchange().listen();
      const child = spawnWorker(gateway);
      gateway.give('a', inputMs);
      await gateway.until(() => gateway.requests.find(({ held }) => held.includes('a')));
      child.kill();
      // Signals of one kind that come close together are one: the second is sent until heard.
      const again = signals === 2 ? setInterval(() => child.kill(), 100) : undefined;
      assert.deepEqual(await once(child, 'exit'), [code, null]);
      clearInterval(again);
      assert.equal(gateway.stored.length, signals === 1 ? 1 : 0);
    }
  },
);

test('a supervised worker ends by itself when its supervisor is gone', TEST, async () => {
  await using gateway = await new ScriptedExchange().listen();
  const supervisor = spawn(process.execPath, ['--eval', 'setInterval(() => {}, 1000)']);
  await once(supervisor, 'spawn');
  const worker = spawnWorker(gateway, { SWITCHYARD_PARENT_PID: String(supervisor.pid) });
  await gateway.until(() => gateway.requests[0]);
  supervisor.kill('SIGKILL');
  assert.deepEqual(await once(worker, 'exit'), [1, null]);
});
