import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type Call, callsTo } from '../acceptance/support/call-http.ts';
import { rawWorker } from '../acceptance/support/raw-worker.ts';
import { endOf, makeKey, submit } from '../acceptance/support/setup-calls.ts';
import { withDatabase } from '../support/database.ts';
import { startRunpodWorker } from '../support/start-runpod-worker.ts';
import { startSwitchyard } from '../support/start-switchyard.ts';

/** A Switchyard with the failpoints of `armed`, and the token of a worker of its endpoint. */
const startArmed = async (databaseUrl: string, armed: string) => {
  const switchyard = await startSwitchyard({
    ...{ mode: 'all-in-one', databaseUrl },
    config: 'endpoints: { echo: { name: Echo } }\n',
    env: { SWITCHYARD_FAILPOINTS: armed },
  });
  const call = callsTo(switchyard.apiUrl, switchyard.apiKey);
  const { key: token } = await makeKey(call, { scopes: ['worker'], endpoints: ['echo'] });
  return { switchyard, call, token };
};

const chunksOf = async (call: Call, job: string): Promise<unknown[]> => {
  const { json } = await call(`GET /v2/echo/stream/${job}?from=0`);
  assert.ok(Array.isArray(json.stream));
  return json.stream.map(({ output }) => output);
};

test("a chunk of RunPod's protocol whose commit was not heard of is stored once", async () => {
  await using started = new AsyncDisposableStack();
  const { url } = started.use(await withDatabase());
  const { switchyard, call, token } = await startArmed(url, 'store.append_chunks=lost@2');
  started.use(switchyard);
  const worker = startRunpodWorker({
    ...{ gatewayUrl: `${switchyard.gatewayUrl}/v2`, endpoint: 'echo' },
    ...{ workerToken: token, workerId: 'streamer' },
  });
  started.defer(() => worker.close());

  const job = await submit(call, 'echo', { input: { do: 'stream', count: 4 } });
  await endOf(call, 'echo', job);
  const chunks = [0, 1, 2, 3].map((chunk) => ({ chunk }));
  assert.deepEqual(await chunksOf(call, job), chunks);
});

test('chunks that wait for the database are stored in the order of their posts', async () => {
  await using started = new AsyncDisposableStack();
  const folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard-chunks-'));
  started.defer(() => rm(folder, { recursive: true, force: true }));
  const arms = path.join(folder, 'arms');
  const { url } = started.use(await withDatabase());
  const { switchyard, call, token } = await startArmed(url, arms);
  started.use(switchyard);
  const { gatewayUrl } = switchyard;
  const worker = rawWorker({ gatewayUrl, endpoint: 'echo', token, workerId: 'streamer' });

  const job = await submit(call, 'echo', { input: 1 });
  await worker.take();
  await writeFile(arms, 'store.append_chunks=error@*');
  const posts = [];
  // The later one was tried less often by the time that the database is back, and is tried sooner.
  for (const chunk of [0, 1]) {
    const body = Buffer.from(JSON.stringify({ output: chunk }));
    posts.push(worker.send('POST', 'job-stream', `/${job}?isStream=false`, body));
    await pause(400);
  }
  await writeFile(arms, '');
  for (const { status } of await Promise.all(posts)) assert.equal(status, 200);
  assert.deepEqual(await chunksOf(call, job), [0, 1]);
});
