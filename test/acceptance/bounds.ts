/**
 * Sends every field just inside and just outside of its bounds, and of every wrong type.
 *
 * Inside is taken; outside is a problem of 400 that names the field, the bound and the value. Ids
 * that are none are 404 or 400. Nothing that a client sends is a 500.
 */

import { type Case, tryCases } from './bounds/cases.ts';
import { oddIdCases } from './bounds/odd-ids.ts';
import { listCases, pageCases, waitCases } from './bounds/parameters.ts';
import { durationCases, policyCases, priorityCases, startCases } from './bounds/policy.ts';
import { integerCases, otherSettingsCases } from './bounds/settings.ts';
import {
  bytesCases,
  idempotencyCases,
  mediaCases,
  s3Cases,
  twiceCases,
  webhookCases,
} from './bounds/submissions.ts';
import { callsTo } from './support/call-http.ts';
import { startChecks } from './support/checks.ts';
import { startEchoWorker } from './support/echo-worker.ts';
import { openSystem } from './support/open-system.ts';
import { rawWorker } from './support/raw-worker.ts';
import { endOf, makeEndpoint, makeKey, submit } from './support/setup-calls.ts';

const checks = startChecks();
await using system = await openSystem('endpoints: {}\n');
const { apiUrl, apiKey, gatewayUrl } = system.switchyard;
const call = callsTo(apiUrl, apiKey);

const idle = 'idle';
const busy = 'busy';
for (const endpoint of [idle, busy, 'patched']) await makeEndpoint(call, endpoint);
const { key: token } = await makeKey(call, { scopes: ['worker'], endpoints: [busy] });
const settings = { gatewayUrl, endpoint: busy, token };
await rawWorker({ ...settings, workerId: 'raw-busy' }).untilLetIn();
await using _echo = startEchoWorker(settings);

const line = `POST /v2/${idle}/run`;
const table = async (name: string, cases: readonly Case[]): Promise<void> =>
  checks.table(name, await tryCases(call, cases));

await table('policy.ttl and policy.executionTimeout', durationCases(line));
await table('policy.lowPriority', priorityCases(line));
await table('policy.startAfter', startCases(line));
await table('policy itself', policyCases(line));
await table('keys given twice', twiceCases(line));
await table('webhook', webhookCases(line));
await table('s3Config', s3Cases(line));
await table('Idempotency-Key', idempotencyCases(line));
await table('bytes', bytesCases(line));
await table('media types', mediaCases(line));

const ended = await submit(call, busy, { input: 1 });
await endOf(call, busy, ended);
await table('wait', waitCases(busy, ended));

const longest = performance.now();
const sync = await call(`POST /v2/${busy}/runsync?wait=300000`, { body: { input: 1 } });
const tookMs = Math.round(performance.now() - longest);
checks.check(
  sync.json.status === 'COMPLETED',
  'runsync?wait=300000',
  `${sync.json.status}`,
  'COMPLETED',
);
checks.check(tookMs < 10_000, 'runsync?wait=300000 of a short job, ms', tookMs, '< 10000');
const shortest = performance.now();
const queued = await call(`POST /v2/${idle}/runsync?wait=1000`, { body: { input: 1 } });
const heldMs = Math.round(performance.now() - shortest);
checks.check(
  queued.json.status === 'IN_QUEUE',
  'runsync?wait=1000',
  `${queued.json.status}`,
  'IN_QUEUE',
);
checks.check(
  heldMs >= 1_000 && heldMs < 3_000,
  'runsync?wait=1000 held, ms',
  heldMs,
  '1000 to 3000',
);

const page = await call(`GET /v2/${idle}/requests?limit=1`);
await table('/requests', pageCases(idle, String(page.json.cursor)));
await table('from and deliveries', listCases(busy, ended));
await table('whole numbers of an endpoint', integerCases('patched'));
await table('other settings of an endpoint', otherSettingsCases('patched'));

const { json } = await call('GET /openapi.json');
const paths = Object.fromEntries(
  Object.entries(Object(json.paths)).map(([path, at]) => [path, Object(at)]),
);
await table('ids that are none', oddIdCases(paths, busy, ended));
const logs = await system.switchyard.logs();
const defects = logs.split('\n').filter((one) => one.includes('met a defect')).length;
checks.check(defects === 0, 'defects in the logs', defects, 0);
checks.end();
