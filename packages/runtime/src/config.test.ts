import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Config, readConfig, type ServiceName } from './config.ts';

const KEY = randomBytes(32).toString('base64');

const configOf = (
  env: Record<string, string>,
  services: readonly ServiceName[] | 'all' = 'all',
): Config => {
  const result = readConfig(env, { services });
  assert.ok(result.ok, JSON.stringify(result));
  return result.config;
};
const problemsOf = (
  env: Record<string, string>,
  services: readonly ServiceName[] | 'all' = 'all',
): readonly string[] => {
  const result = readConfig(env, { services });
  assert.ok(!result.ok);
  return result.problems;
};

test('an empty environment gives the embedded system on its default ports', () => {
  const config = configOf({});
  assert.equal(config.databaseUrl, undefined);
  assert.equal(config.brokerUrl, undefined);
  assert.equal(config.host, '127.0.0.1');
  assert.deepEqual(config.ports, { api: 8080, worker: 8081, scheduler: 8082, notifier: 8083 });
  assert.equal(config.dataDir, '.switchyard');
  assert.equal(config.serverUrl, 'http://127.0.0.1:8080');
  assert.equal(config.logLevel, 'info');
  assert.equal(config.logPretty, undefined);
  assert.equal(config.allInOne, true);
  assert.deepEqual(config.warnings, []);
});

test('every variable is taken', () => {
  const config = configOf({
    DATABASE_URL: 'postgresql://u:p@db/x',
    BROKER_URL: 'nats://one:4222,nats://two:4222',
    SWITCHYARD_HOST: '::1',
    PORT: '0',
    WORKER_PORT: '65535',
    SCHEDULER_PORT: '1',
    NOTIFIER_PORT: '2',
    SWITCHYARD_DATA_DIR: '/a b',
    SWITCHYARD_CONFIG: 'other.yaml',
    SWITCHYARD_API_KEY: 'sixteen-letters!',
    SWITCHYARD_MASTER_KEY: `${KEY}, ${KEY}`,
    SWITCHYARD_URL: 'https://example.com',
    LOG_LEVEL: 'silent',
    LOG_PRETTY: '0',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318',
  });
  assert.deepEqual(config.ports, { api: 0, worker: 65535, scheduler: 1, notifier: 2 });
  assert.equal(config.masterKeys?.length, 2);
  assert.equal(config.logPretty, false);
  assert.equal(config.configPath, 'other.yaml');
  assert.equal(config.traceUrl, 'http://127.0.0.1:4318');
});

test('the configuration is frozen', () => {
  const config = configOf({});
  for (const part of [config, config.ports, config.services, config.warnings]) {
    assert.ok(Object.isFrozen(part));
  }
});

test('an empty variable counts as unset', () => {
  assert.equal(configOf({ PORT: '', BROKER_URL: ' ', DATABASE_URL: '' }).ports.api, 8080);
});

test('every bad value is named at once', () => {
  const problems = problemsOf({
    PORT: '80a',
    WORKER_PORT: '65536',
    SCHEDULER_PORT: '-1',
    NOTIFIER_PORT: '1.5',
    DATABASE_URL: 'mysql://x',
    BROKER_URL: 'http://x',
    SWITCHYARD_HOST: 'not a host',
    SWITCHYARD_MASTER_KEY: 'short',
    SWITCHYARD_API_KEY: 'two words',
    SWITCHYARD_URL: 'ftp://x',
    LOG_LEVEL: 'loud',
    LOG_PRETTY: 'yes',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'nowhere',
  });
  assert.equal(problems.length, 13);
  assert.ok(problems.includes('PORT must be a whole number from 0 to 65535; got "80a".'));
  assert.ok(problems.every((sentence) => sentence.endsWith('.') && !sentence.includes('\n')));
});

test('no problem holds the value of a variable that may carry a secret', () => {
  const secretNames = [
    'DATABASE_URL',
    'BROKER_URL',
    'SWITCHYARD_API_KEY',
    'SWITCHYARD_MASTER_KEY',
    'SWITCHYARD_URL',
    'OTEL_EXPORTER_OTLP_ENDPOINT',
  ];
  fc.assert(
    fc.property(fc.constantFrom(...secretNames), fc.string({ minLength: 5 }), (name, tail) => {
      const result = readConfig({ [name]: `zq\u0001${tail}` }, { services: 'all' });
      assert.ok(!result.ok);
      assert.ok(!result.problems.join(' ').includes('zq\u0001'));
      assert.ok(!result.problems.join(' ').includes('zq'));
    }),
  );
});

test('an unknown SWITCHYARD_ name is a warning with the closest known name', () => {
  const config = configOf({ SWITCHYARD_MASTERKEY: 'hush', SWITCHYARD_HOSTS: 'x', OTHER: 'y' });
  assert.deepEqual(config.warnings, [
    '"SWITCHYARD_HOSTS" is not a known name; did you mean SWITCHYARD_HOST?',
    '"SWITCHYARD_MASTERKEY" is not a known name; did you mean SWITCHYARD_MASTER_KEY?',
  ]);
});

test('an API key of any length will do, and services warn of a short one', () => {
  const env = { SWITCHYARD_API_KEY: 'my-short-key' };
  const config = configOf(env);
  assert.equal(config.apiKey, 'my-short-key');
  assert.deepEqual(config.warnings, [
    'SWITCHYARD_API_KEY is shorter than 16 characters, so that it may be guessed.',
  ]);
  assert.deepEqual(configOf(env, []).warnings, []);
  assert.deepEqual(configOf({ SWITCHYARD_API_KEY: 'sixteen-letters!' }).warnings, []);
  for (const bad of ['two words', 'schlüssel', 'a\u007f']) {
    const [problem] = problemsOf({ SWITCHYARD_API_KEY: bad });
    assert.equal(problem, 'SWITCHYARD_API_KEY must be visible ASCII characters without a space.');
  }
});

test('the in-process broker serves one process only', () => {
  const [problem] = problemsOf({}, ['intake', 'scheduler', 'notifier']);
  assert.match(problem ?? '', /^BROKER_URL .* in-process broker serves one process only/);
  assert.equal(configOf({ BROKER_URL: 'tls://x' }, ['intake']).allInOne, false);
  for (const url of ['nats://u:p@one:1,two:2,three', 'amqp://u:p@one:1,two:2/vhost']) {
    assert.equal(configOf({ BROKER_URL: url }, ['intake']).brokerUrl, url);
  }
});

test('a master key is required beside DATABASE_URL, where services run', () => {
  const [problem] = problemsOf({ DATABASE_URL: 'postgres://x/y' });
  assert.match(problem ?? '', /^SWITCHYARD_MASTER_KEY is not set/);
  assert.equal(configOf({ DATABASE_URL: 'postgres://x/y' }, []).masterKeys, undefined);
});

test('a master key has exactly 32 bytes, and the bad one of a list is named by its place', () => {
  for (const bytes of [0, 31, 33]) {
    const text = `${KEY},${randomBytes(bytes).toString('base64')}`;
    const [problem] = problemsOf({ SWITCHYARD_MASTER_KEY: text });
    assert.match(problem ?? '', /key 2 is not\.$/);
  }
});

test('hosts are addresses or names', () => {
  for (const host of ['0.0.0.0', '::', 'localhost', 'a-b.example', 'xn--p1ai']) {
    assert.equal(configOf({ SWITCHYARD_HOST: host }).host, host);
  }
  for (const host of ['1.2.3.256', '[::1]', 'a..b', '-a', 'a/b', 'http://x', '1.2.3']) {
    assert.equal(problemsOf({ SWITCHYARD_HOST: host }).length, 1, host);
  }
});

test('no environment makes it throw', () => {
  const names = fc.constantFrom('PORT', 'BROKER_URL', 'SWITCHYARD_HOST', 'SWITCHYARD_X');
  fc.assert(
    fc.property(fc.dictionary(names, fc.string({ unit: 'binary' })), (env) => {
      readConfig(env, { services: 'all' });
    }),
  );
});
