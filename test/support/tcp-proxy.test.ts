import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

const SILENT_MS = 150;

/** A server that says everything again, and how many bytes it heard. */
const startEcho = async () => {
  let heard = 0;
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      heard += bytes.length;
      socket.write(bytes);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return {
    port: address.port,
    heard: () => heard,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
};

/** A connection through `proxy` that keeps what it hears and how it ended. */
const connect = async (proxy: TcpProxy) => {
  const socket = net.connect({ host: '127.0.0.1', port: proxy.port });
  let heard = '';
  let ended: string | undefined;
  const settled = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', (error: NodeJS.ErrnoException) => {
    ended = error.code ?? error.message;
  });
  socket.on('data', (bytes: Buffer) => {
    heard += bytes.toString();
  });
  await once(socket, 'connect');
  return {
    say: (text: string) => socket.write(text),
    hears: async (text: string) => {
      while (!heard.endsWith(text)) await once(socket, 'data');
    },
    heard: () => heard,
    ended: async () => {
      await settled;
      return ended ?? 'closed';
    },
    [Symbol.dispose]: () => void socket.destroy(),
  };
};

test('what is sent arrives, both ways, and a closed connection is forgotten', async () => {
  await using echo = await startEcho();
  await using proxy = await startTcpProxy(echo.port);
  {
    using client = await connect(proxy);
    client.say('one');
    await client.hears('one');
    assert.equal(proxy.connections(), 1);
  }
  while (proxy.connections() > 0) await pause(1);
});

test('a cut closes what stands and lets nothing through until it is open again', async () => {
  await using echo = await startEcho();
  await using proxy = await startTcpProxy(echo.port);
  using client = await connect(proxy);
  client.say('one');
  await client.hears('one');
  proxy.set({ kind: 'cut' });
  assert.equal(await client.ended(), 'closed');
  using refused = await connect(proxy);
  await refused.ended();
  assert.equal(refused.heard(), '');
  proxy.set({ kind: 'open' });
  using again = await connect(proxy);
  again.say('two');
  await again.hears('two');
});

test('half open: nothing arrives, nothing ends, and afterwards it is reset', async () => {
  await using echo = await startEcho();
  await using proxy = await startTcpProxy(echo.port);
  using client = await connect(proxy);
  client.say('one');
  await client.hears('one');
  proxy.set({ kind: 'half-open' });
  client.say('two');
  using later = await connect(proxy);
  later.say('three');
  const ended = Promise.race([client.ended(), later.ended()]);
  assert.equal(await Promise.race([ended, pause(SILENT_MS, 'silent')]), 'silent');
  assert.equal(echo.heard(), 3);
  proxy.set({ kind: 'open' });
  assert.deepEqual(await Promise.all([client.ended(), later.ended()]), [
    'ECONNRESET',
    'ECONNRESET',
  ]);
});

test('a reset is one to both sides, and the next connection is served', async () => {
  await using echo = await startEcho();
  await using proxy = await startTcpProxy(echo.port);
  using client = await connect(proxy);
  client.say('one');
  await client.hears('one');
  proxy.reset();
  assert.equal(await client.ended(), 'ECONNRESET');
  using next = await connect(proxy);
  next.say('two');
  await next.hears('two');
});

test('a delay holds back each piece and keeps the order', async () => {
  await using echo = await startEcho();
  await using proxy = await startTcpProxy(echo.port);
  using client = await connect(proxy);
  proxy.set({ kind: 'delay', delayMs: 100 });
  const startedMs = performance.now();
  client.say('one');
  await pause(1);
  client.say('two');
  await client.hears('onetwo');
  // A timer of Node may be a millisecond early.
  assert.ok(performance.now() - startedMs >= 198);
});

for (const after of ['sent', 'answered'] as const) {
  test(`a connection is reset after so many bytes were ${after}`, async () => {
    await using echo = await startEcho();
    await using proxy = await startTcpProxy(echo.port);
    using client = await connect(proxy);
    client.say('before');
    await client.hears('before');
    proxy.set({ kind: 'drop', after, bytes: 4 });
    client.say('abcdef');
    assert.equal(await client.ended(), 'ECONNRESET');
    // The server heard four bytes of it, or all while the answer was cut short.
    assert.equal(echo.heard(), 'before'.length + (after === 'sent' ? 4 : 6));
    assert.ok(client.heard().length <= 'before'.length + 4);
    using next = await connect(proxy);
    next.say('abc');
    await next.hears('abc');
  });
}
