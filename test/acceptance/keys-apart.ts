/**
 * Asks every route with every kind of key: each opens what it should, and tells of nothing else.
 *
 * The matrix is made from /openapi.json: two keys that are limited to different endpoints, keys of
 * each one scope, worker tokens, revoked, expired and forged keys, on the API and on the gateway.
 */
import { randomBytes } from 'node:crypto';
import { checkGateway } from './keys-apart/gateway.ts';
import { checkIsolation } from './keys-apart/isolation.ts';
import { checkExpired, checkHashed, checkRevoked } from './keys-apart/key-lives.ts';
import { readRoutes } from './keys-apart/routes.ts';
import { checkBadKeys, checkScopes } from './keys-apart/scopes.ts';
import { makeSide } from './keys-apart/two-sides.ts';
import { callsTo } from './support/call-http.ts';
import { startChecks } from './support/checks.ts';
import { openSystem } from './support/open-system.ts';
import { rawWorker } from './support/raw-worker.ts';
import { makeEndpoint, makeKey } from './support/setup-calls.ts';
import { startWebhookTarget } from './support/webhook-target.ts';

const CONFIG = 'webhooks: { allowPrivateTargets: [127.0.0.0/8] }\n';
const PING_EVERY_MS = 5_000;

const checks = startChecks();
await using target = await startWebhookTarget();
await using system = await openSystem(CONFIG);
const { apiUrl, apiKey, gatewayUrl } = system.switchyard;
const root = callsTo(apiUrl, apiKey);

const { routes, missing, surprising } = await readRoutes(root);
const faults = [...missing, ...surprising];
checks.check(
  faults.length === 0,
  'routes of /openapi.json not as in the matrix',
  `${faults.length}: ${faults.join(', ')}`,
  0,
);

const worker = (endpoint: string, token: string) =>
  rawWorker({ gatewayUrl, endpoint, token, workerId: `worker-${endpoint}` });
const context = { root, apiUrl, worker, webhook: target.url };
const mine = await makeSide(context, 'mine');
const theirs = await makeSide(context, 'theirs');
for (const { ended, failed } of [mine, theirs]) {
  await Promise.all([target.bodyFor(ended), target.bodyFor(failed)]);
}
const pings = setInterval(() => {
  for (const side of [mine, theirs]) side.ping().catch(() => undefined);
}, PING_EVERY_MS);

// Ids in the right form that name nothing.
const absent = {
  endpoint: 'absent',
  job: mine.queued.replace(/.{10}$/, '0123456780'),
  key: randomBytes(8).toString('hex'),
};
await checkIsolation({ checks, routes, mine, theirs, absent });
await checkIsolation({ checks, routes, mine: theirs, theirs: mine, absent });

await makeEndpoint(root, 'scoped');
const ids = { ...absent, endpoint: 'scoped' };
const scoped = { checks, root, apiUrl, routes, ids };
await checkScopes(scoped);

const lives = { checks, system, root, endpoint: 'scoped' };
const revoked = await checkRevoked(lives);
const expired = await checkExpired(lives);
const { key: good } = await makeKey(root, { scopes: ['submit', 'read', 'admin', 'worker'] });
const bad = {
  'no key': null,
  'a key of no form': 'garbage',
  'a key of 900 characters': 'x'.repeat(900),
  'a forged key': `${good.slice(0, -4)}${good.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`,
  'a revoked key': revoked,
  'an expired key': expired,
};
await checkBadKeys(scoped, bad);

const clients: Record<string, string> = {};
for (const scope of ['submit', 'read', 'admin']) {
  clients[`a key with the scope ${scope} here`] = (
    await makeKey(root, { scopes: [scope], endpoints: [theirs.endpoint] })
  ).key;
}
clients['an unlimited admin key'] = (await makeKey(root, { scopes: ['admin'] })).key;
await checkGateway({ checks, gatewayUrl, mine, theirs }, clients, bad);
await checkHashed(lives);
clearInterval(pings);
checks.end();
