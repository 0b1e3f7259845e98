import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { startJournalWorker } from '../acceptance/load/start-journal-worker.ts';
import { callsTo, textIn } from '../acceptance/support/call-http.ts';
import { endOf, makeKey, submit } from '../acceptance/support/setup-calls.ts';
import { withDatabase } from '../support/database.ts';
import { startNats } from '../support/nats.ts';
import { startSwitchyard } from '../support/start-switchyard.ts';

const ENDPOINT = 'plain';
const JOBS = 8;

test('nothing is claimed for a supervisor that was stopped', async () => {
  await using started = new AsyncDisposableStack();
  const folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard-restart-'));
  started.defer(() => rm(folder, { recursive: true, force: true }));
  const { url: databaseUrl } = started.use(await withDatabase());
  const { url: brokerUrl } = started.use(await startNats());
  const config = `endpoints: { ${ENDPOINT}: {} }\n`;
  const switchyard = started.use(
    await startSwitchyard({ mode: 'separate', databaseUrl, brokerUrl, config }),
  );
  const { apiUrl, apiKey, gatewayUrl } = switchyard;
  const call = callsTo(apiUrl, apiKey);
  const { key: token } = await makeKey(call, { scopes: ['worker'] });
  const worker = { gatewayUrl, token, folder, endpoint: ENDPOINT, workerId: 'one' };
  started.use(startJournalWorker({ ...worker, concurrency: 16, workMs: 10 }));
  await endOf(call, ENDPOINT, await submit(call, ENDPOINT, { input: 0 }));

  const supervisor = switchyard.process('supervisor');
  await supervisor.end('SIGTERM');
  const ids: string[] = [];
  for (let n = 0; n < JOBS; n += 1) ids.push(await submit(call, ENDPOINT, { input: n }));
  // A look at a status takes longer than a claim.
  for (const id of ids) {
    assert.equal(textIn(await call(`GET /v2/${ENDPOINT}/status/${id}`), 'status'), 'IN_QUEUE');
  }
  await supervisor.start();
  for (const id of ids) {
    const { text } = await endOf(call, ENDPOINT, id);
    assert.match(text, /"status":"COMPLETED".*"attempt":1,/);
  }
});
