import assert from 'node:assert/strict';
import { test } from 'node:test';
import { callsTo, textIn } from '../acceptance/support/call-http.ts';
import { endOf, makeKey } from '../acceptance/support/setup-calls.ts';
import { withDatabase } from '../support/database.ts';
import { startRunpodWorker } from '../support/start-runpod-worker.ts';
import { startSwitchyard } from '../support/start-switchyard.ts';

test("a chunk of RunPod's protocol whose commit was not heard of is stored once", async () => {
  await using database = await withDatabase();
  await using switchyard = await startSwitchyard({
    mode: 'all-in-one',
    databaseUrl: database.url,
    config: 'endpoints: { echo: { name: Echo } }\n',
    env: { SWITCHYARD_FAILPOINTS: 'store.append_chunks=lost@2' },
  });
  const { apiUrl, apiKey, gatewayUrl } = switchyard;
  const call = callsTo(apiUrl, apiKey);
  const granted = { scopes: ['worker'], endpoints: ['echo'] };
  const { key: workerToken } = await makeKey(call, granted);
  const worker = startRunpodWorker({
    ...{ gatewayUrl: `${gatewayUrl}/v2`, endpoint: 'echo', workerToken, workerId: 'streamer' },
  });
  try {
    const body = { input: { do: 'stream', count: 4 } };
    const job = textIn(await call('POST /v2/echo/run', { body }), 'id');
    await endOf(call, 'echo', job);
    const { json } = await call(`GET /v2/echo/stream/${job}?from=0`);
    assert.ok(Array.isArray(json.stream));
    const chunks: unknown[] = json.stream.map(({ output }) => output);
    assert.deepEqual(
      chunks,
      [0, 1, 2, 3].map((chunk) => ({ chunk })),
    );
  } finally {
    await worker.close();
  }
});
