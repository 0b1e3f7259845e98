import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { type Answer, type Call, callsTo, textIn } from '../support/call-http.ts';
import { countFound } from '../support/canaries.ts';
import type { Checks } from '../support/checks.ts';
import type { OpenSystem } from '../support/open-system.ts';
import { makeKey } from '../support/setup-calls.ts';

export type KeyLivesContext = {
  readonly checks: Checks;
  readonly system: OpenSystem;
  readonly root: Call;
  readonly endpoint: string;
};

const REVOKED_MAX_MS = 1_000;
const GIVE_UP_MS = 10_000;
const LOOK_AGAIN_MS = 10;
const ROUNDS = 3;
const EXPIRES_MS = 2_000;

/** How long `call` goes on being let in, in ms. */
const untilRefused = async (call: () => Promise<Answer>): Promise<number> => {
  const startedMs = performance.now();
  for (;;) {
    const askedMs = performance.now() - startedMs;
    const { status } = await call();
    if (status === 401) return Math.round(askedMs);
    if (askedMs > GIVE_UP_MS) return Math.round(askedMs);
    await pause(LOOK_AGAIN_MS);
  }
};

const doorsOf = ({ switchyard }: OpenSystem, endpoint: string, key: string) => ({
  'the API': () => callsTo(switchyard.apiUrl, key)(`GET /v2/${endpoint}/health`),
  'the gateway': () => callsTo(switchyard.gatewayUrl, key)(`GET /v2/${endpoint}/ping/w-revoked`),
});

/** A revoked key opens nothing after a second, at every door that has just let it in. */
export const checkRevoked = async (context: KeyLivesContext): Promise<string> => {
  const { checks, system, root, endpoint } = context;
  const slowest = { 'the API': 0, 'the gateway': 0 };
  let last = '';
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const line of ['POST /v1/keys/{key}/revoke', 'DELETE /v1/keys/{key}']) {
      const scopes = ['read', 'worker'];
      const { id, key } = await makeKey(root, { scopes, endpoints: [endpoint] });
      const doors = doorsOf(system, endpoint, key);
      const first = await Promise.all(Object.values(doors).map((door) => door()));
      const isOpen = first.every(({ status }) => status === 200);
      if (!isOpen) throw new Error(first.map(({ status, text }) => `${status} ${text}`).join());
      await root(line.replace('{key}', id));
      const [api, gateway] = await Promise.all([
        untilRefused(doors['the API']),
        untilRefused(doors['the gateway']),
      ]);
      slowest['the API'] = Math.max(slowest['the API'], api);
      slowest['the gateway'] = Math.max(slowest['the gateway'], gateway);
      last = key;
    }
  }
  for (const [door, ms] of Object.entries(slowest)) {
    const name = `a revoked key at ${door}, ms of the slowest of ${2 * ROUNDS}`;
    checks.check(ms <= REVOKED_MAX_MS, name, ms, `<= ${REVOKED_MAX_MS}`);
  }
  return last;
};

/** A key past its time opens nothing; before it, it does. */
export const checkExpired = async (context: KeyLivesContext): Promise<string> => {
  const { checks, system, root, endpoint } = context;
  const expiresMs = Date.now() + EXPIRES_MS;
  const { key } = await makeKey(root, {
    scopes: ['read', 'worker'],
    endpoints: [endpoint],
    expiresAt: new Date(expiresMs).toISOString(),
  });
  for (const [name, door] of Object.entries(doorsOf(system, endpoint, key))) {
    const { status } = await door();
    checks.check(status === 200, `a key before its time ends, at ${name}`, status, 200);
  }
  await pause(expiresMs - Date.now());
  for (const [name, door] of Object.entries(doorsOf(system, endpoint, key))) {
    const ms = await untilRefused(door);
    const bound = `<= ${REVOKED_MAX_MS}`;
    checks.check(ms <= REVOKED_MAX_MS, `a key after its time, at ${name}, ms`, ms, bound);
  }
  return key;
};

/** Of a key only the hash is kept, and only the answer that made it ever holds it. */
export const checkHashed = async (context: KeyLivesContext): Promise<void> => {
  const { checks, system, root, endpoint } = context;
  const scopes = ['submit', 'read', 'admin', 'worker'];
  const made = await Promise.all(scopes.map((scope) => makeKey(root, { scopes: [scope] })));
  const secret = await root(`POST /v1/endpoints/${endpoint}/webhook-secret`, { body: {} });
  const keys = made.map(({ key }) => key);
  const secrets = [...keys.map((key) => key.slice(-43)), textIn(secret, 'secret').slice(6)];
  const answers: string[] = [];
  const ask = async (line: string): Promise<void> => {
    answers.push((await root(line)).text);
  };
  await ask('GET /v1/keys');
  await ask(`GET /v1/endpoints/${endpoint}`);
  for (const { id, key } of made) {
    await callsTo(system.switchyard.apiUrl, key)(`GET /v2/${endpoint}/health`);
    await ask(`GET /v1/keys/${id}`);
    await ask(`POST /v1/keys/${id}/revoke`);
    await ask(`GET /v1/keys/${id}`);
  }
  const dump = await system.dump();
  const places: Readonly<Record<string, readonly string[]>> = {
    pg_dump: [dump],
    'the logs of all services': [await system.switchyard.logs()],
    [`${answers.length} later answers`]: answers,
  };
  const wanted = [...secrets, system.switchyard.apiKey];
  for (const [place, texts] of Object.entries(places)) {
    const found = countFound(texts, wanted);
    checks.check(found === 0, `keys and webhook secrets in ${place}`, found, 0);
  }
  const hashes = keys.map((key) => createHash('sha256').update(key).digest('hex'));
  const hashed = hashes.filter((hash) => dump.includes(hash)).length;
  checks.check(hashed === keys.length, 'SHA-256 of keys in pg_dump', hashed, keys.length);
  const named = made.filter(({ id }) => answers[0]?.includes(id)).length;
  checks.check(named === made.length, 'ids of keys in GET /v1/keys', named, made.length);
};
