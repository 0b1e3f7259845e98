/**
 * Workers in trouble: each job ends as it should, in its time, with the history to read.
 *
 * One vanishes with its job; one never posts the result and goes on pinging, with and without
 * listing the job; one kills itself on each run; one lists a job that it does not hold. Side by
 * side, over the gateway, told by `GET /v1/jobs/{id}` and by `switchyard job`.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkInvariants } from '../support/invariants.ts';
import { startNats } from '../support/nats.ts';
import { startPostgres } from '../support/postgres.ts';
import { startSwitchyard } from '../support/start-switchyard.ts';
import { callsTo } from './support/call-http.ts';
import { startChecks } from './support/checks.ts';
import { makeKey } from './support/setup-calls.ts';
import type { Trouble } from './worker-troubles/history.ts';
import { drop, hang, listForeign, vanish } from './worker-troubles/remote.ts';
import { killItself } from './worker-troubles/suicide.ts';

const REMOTE = ['vanish', 'hang', 'drop', 'list'];

const checks = startChecks();
const folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard-troubles-'));
await using started = new AsyncDisposableStack();
started.defer(() => rm(folder, { recursive: true, force: true }));
const journalPath = path.join(folder, 'journal');
const program = fileURLToPath(new URL('./worker-troubles/suicide-worker.ts', import.meta.url));
const config = `
endpoints:
  ${REMOTE.map((id) => `${id}: { limits: { maxAttempts: 2 } }`).join('\n  ')}
  suicide: { limits: { maxAttempts: 2 }, worker: { template: suicide, minimum: 1 } }
workerTemplates:
  suicide: { command: ${JSON.stringify(['node', program, journalPath])} }
`;
const postgres = started.use(await startPostgres());
const nats = started.use(await startNats());
const databaseUrl = await postgres.createDatabase();
const switchyard = started.use(
  await startSwitchyard({ mode: 'separate', databaseUrl, brokerUrl: nats.url, config }),
);
const { apiUrl, apiKey, gatewayUrl } = switchyard;
const call = callsTo(apiUrl, apiKey);
const { key: token } = await makeKey(call, { scopes: ['worker'], endpoints: REMOTE });
const env = { SWITCHYARD_URL: apiUrl, SWITCHYARD_API_KEY: apiKey };
const trouble: Trouble = { checks, call, gatewayUrl, token, env };

const cases = {
  'vanished worker': vanish(trouble),
  'result never posted, job listed': hang(trouble),
  'result never posted, job not listed': drop(trouble),
  'job listed but not held': listForeign(trouble),
  'kills itself': killItself(trouble, journalPath),
};
const settled = await Promise.allSettled(Object.values(cases));
for (const [at, name] of Object.keys(cases).entries()) {
  const end = settled[at];
  if (end?.status === 'rejected') checks.check(false, name, String(end.reason), 'no failure');
}
const faulty = await checkInvariants(databaseUrl);
checks.check(faulty.length === 0, 'invariants of the database broken', faulty.length, 0);
for (const sentence of faulty) console.log(`       ${sentence.slice(0, 500)}`);
checks.end();
