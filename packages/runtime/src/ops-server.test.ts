import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { test } from 'node:test';
import { createHealth, VERSION } from './health.ts';
import { createMetrics } from './metrics.ts';
import { ListenError, listenOn, makeDoorUrl, startOpsServer } from './ops-server.ts';

const HOST = '127.0.0.1';

const withServer = async (
  use: (url: string, health: ReturnType<typeof createHealth>) => Promise<void>,
): Promise<void> => {
  const health = createHealth();
  const metrics = createMetrics({ service: 'scheduler' });
  const server = await startOpsServer({ host: HOST, port: 0, health, metrics });
  try {
    await use(`http://${HOST}:${server.port}`, health);
  } finally {
    await server.close();
  }
};

test('it tells health, readiness and metrics', () =>
  withServer(async (url, health) => {
    const alive = await fetch(`${url}/healthz`);
    assert.deepEqual([alive.status, await alive.json()], [200, { ok: true, version: VERSION }]);
    assert.equal((await fetch(`${url}/readyz?verbose`)).status, 200);
    health.register('database', () => ({ ok: false, detail: 'It is away.' }));
    const ready = await fetch(`${url}/readyz`);
    assert.equal(ready.status, 503);
    assert.deepEqual(await ready.json(), {
      ok: false,
      checks: { database: { ok: false, detail: 'It is away.' } },
    });
    const metrics = await fetch(`${url}/metrics`);
    assert.match(metrics.headers.get('content-type') ?? '', /^text\/plain/);
    assert.match(await metrics.text(), /process_cpu_seconds_total/);
    const head = await fetch(`${url}/metrics`, { method: 'HEAD' });
    assert.deepEqual([head.status, await head.text()], [200, '']);
  }));

test('anything else is a problem in JSON', () =>
  withServer(async (url) => {
    const missing = await fetch(`${url}/__proto__`);
    assert.equal(missing.status, 404);
    assert.equal(missing.headers.get('content-type'), 'application/problem+json');
    assert.partialDeepStrictEqual(await missing.json(), { code: 'route.not_found', status: 404 });
    const posted = await fetch(`${url}/metrics`, { method: 'POST', body: 'x'.repeat(1_000_000) });
    assert.equal(posted.status, 405);
    assert.equal(posted.headers.get('allow'), 'GET, HEAD');
  }));

test('closing ends connections that are kept open, and may be asked for twice', async () => {
  const health = createHealth();
  const metrics = createMetrics({ service: 'scheduler' });
  const server = await startOpsServer({ host: HOST, port: 0, health, metrics });
  const socket = connect(server.port, HOST);
  await once(socket, 'connect');
  const closed = once(socket, 'close');
  socket.resume().on('error', () => {});
  await Promise.all([server.close(), server.close()]);
  await closed;
});

test('a port in use, a foreign address and an unknown host are one clear clause', async () => {
  const first = createServer();
  const port = await listenOn(first, HOST, 0);
  try {
    const failing = [
      [HOST, `port ${port} on ${HOST} is in use`],
      ['192.0.2.1', '192.0.2.1 is not an address of this machine'],
      ['no-such-host.invalid', 'the host name no-such-host.invalid is not known'],
    ] as const;
    for (const [host, message] of failing) {
      const second = createServer();
      await assert.rejects(listenOn(second, host, port), (error: unknown) => {
        assert.ok(error instanceof ListenError);
        assert.equal(error.message, message);
        return true;
      });
      assert.equal(second.listening, false);
    }
  } finally {
    first.close();
    await once(first, 'close');
  }
});

test('an IPv6 address stands in brackets in the URL of a door', () => {
  assert.equal(makeDoorUrl('::1', 8081), 'http://[::1]:8081');
  assert.equal(makeDoorUrl('127.0.0.1', 8081), 'http://127.0.0.1:8081');
  assert.equal(makeDoorUrl('gateway.example', 80), 'http://gateway.example:80');
});
