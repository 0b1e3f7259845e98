import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { createTargetGuard, type TargetGuard } from '@switchyard/runtime';
import { createPoster, type Posted } from './post-webhook.ts';

const open = createTargetGuard({ allowPrivateTargets: ['127.0.0.0/8'] });
const body = Buffer.from('{"id":"1"}');
const headers = { 'content-type': 'application/json', 'content-length': String(body.length) };
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nthanks';

type Target = AsyncDisposable & { readonly url: string; readonly connections: () => number };

/** A server that `reply` speaks for; it hears each request with its number on the connection. */
const startTarget = async (
  reply: (socket: Socket, nth: number) => void,
  listen = { port: 0, host: '127.0.0.1' },
): Promise<Target> => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let nth = 0;
    socket.on('error', () => undefined);
    // A post is small, so that it comes in one piece.
    socket.on('data', () => {
      nth += 1;
      reply(socket, nth);
    });
  });
  server.listen(listen);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${listen.host}:${port}/hook`,
    connections: () => sockets.size,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
};

const openPoster = (guard: TargetGuard = open) => {
  const poster = createPoster(guard);
  const to = async (url: string): Promise<Posted> =>
    (await poster.post({ url, headers, body })) ?? assert.fail('it was abandoned');
  return { ...poster, to, [Symbol.dispose]: () => poster.close() };
};

test('posts after one another share a connection, those beside each other do not', async () => {
  await using target = await startTarget((socket) => socket.write(OK));
  using poster = openPoster();
  for (let post = 0; post < 5; post += 1) {
    const posted = await poster.to(target.url);
    assert.equal(posted.outcome, 'delivered');
    assert.equal(posted.responseExcerpt?.toString(), 'thanks');
  }
  assert.equal(target.connections(), 1);
  await Promise.all([poster.to(target.url), poster.to(target.url)]);
  assert.equal(target.connections(), 2);
});

test('a connection that is closed as it is used again costs no try', async () => {
  let requests = 0;
  await using target = await startTarget((socket, nth) => {
    requests += 1;
    if (nth === 1) socket.write(OK);
    else socket.destroy();
  });
  using poster = openPoster();
  await poster.to(target.url);
  const posted = await poster.to(target.url);
  assert.equal(posted.outcome, 'delivered');
  assert.equal(requests, 3);
  assert.equal(target.connections(), 2);
});

test('a target that closes without an answer is asked once a try', async () => {
  let requests = 0;
  await using target = await startTarget((socket) => {
    requests += 1;
    socket.destroy();
  });
  using poster = openPoster();
  const posted = await poster.to(target.url);
  assert.equal(posted.outcome, 'failed');
  assert.match(posted.error ?? '', /closed without an answer|ECONNRESET/);
  assert.equal(requests, 1);
});

test('an answer whose head came stands, and its connection is not used again', async () => {
  await using target = await startTarget((socket) => {
    socket.end('HTTP/1.1 503 No\r\nContent-Length: 60\r\n\r\nnot all');
  });
  using poster = openPoster();
  for (const connections of [1, 2]) {
    const posted = await poster.to(target.url);
    assert.equal(posted.error, 'The target answered 503.');
    assert.equal(posted.responseExcerpt?.toString(), 'not all');
    assert.equal(target.connections(), connections);
  }
});

test('an answer that announces another one is not taken for it', async () => {
  await using target = await startTarget((socket) => {
    socket.write(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}`);
  });
  using poster = openPoster();
  const posted = await poster.to(target.url);
  assert.equal(posted.responseStatus, 200);
});

test('a connection is judged when it is made, and used for its own target only', async () => {
  const addresses: string[] = [];
  const guard: TargetGuard = {
    ...open,
    checkSocket: (socket) => {
      addresses.push(String(socket.remoteAddress));
      return open.checkSocket(socket);
    },
  };
  await using one = await startTarget((socket) => socket.write(OK));
  await using other = await startTarget((socket) => socket.write(OK));
  using poster = openPoster(guard);
  for (const { url } of [one, other, one, other]) await poster.to(url);
  assert.deepEqual(addresses, ['127.0.0.1', '127.0.0.1']);
  assert.deepEqual([one.connections(), other.connections()], [1, 1]);
});

test('nothing is written to a socket that leads elsewhere', async () => {
  let requests = 0;
  await using target = await startTarget(() => {
    requests += 1;
  });
  const guard: TargetGuard = {
    ...open,
    checkSocket: () => ({ ok: false, reason: 'leads to 10.0.0.1, a private network' }),
  };
  using poster = openPoster(guard);
  const posted = await poster.to(target.url);
  assert.equal(posted.outcome, 'refused');
  assert.equal(posted.error, 'The target leads to 10.0.0.1, a private network.');
  assert.equal(requests, 0);
});

test('a port of brokers is open on an address that the operator opened, only there', async () => {
  const host = '127.0.0.9';
  await using target = await startTarget((socket) => socket.write(OK), { port: 9_092, host });
  const addresses = [host, '93.184.216.34'];
  const resolve = async () => addresses.splice(0, 1).map((address) => ({ address }));
  using poster = openPoster(createTargetGuard({ allowPrivateTargets: [`${host}/32`], resolve }));
  assert.equal((await poster.to(target.url)).outcome, 'delivered');
  assert.equal((await poster.to('http://one.example:9092/hook')).outcome, 'delivered');
  const posted = await poster.to('http://other.example:9092/hook');
  assert.equal(posted.outcome, 'refused');
  assert.equal(posted.error, 'The target other.example must not name port 9092.');
  assert.equal(target.connections(), 2);
});

test('a refused connection is told as such', async () => {
  const target = await startTarget(() => undefined);
  await target[Symbol.asyncDispose]();
  using poster = openPoster();
  const posted = await poster.to(target.url);
  assert.equal(posted.outcome, 'failed');
  assert.match(posted.error ?? '', /ECONNREFUSED/);
});

test('proxies of the environment are not asked', async () => {
  await using target = await startTarget((socket) => socket.write(OK));
  await using proxy = await startTarget((socket) => socket.write(OK));
  process.env.HTTP_PROXY = proxy.url;
  using poster = openPoster();
  await poster.to(target.url);
  delete process.env.HTTP_PROXY;
  assert.deepEqual([target.connections(), proxy.connections()], [1, 0]);
});

test('abandoned posts end without an outcome, also those to come', async () => {
  const arrived = Promise.withResolvers<void>();
  await using target = await startTarget(() => arrived.resolve());
  using poster = openPoster();
  const webhook = { url: target.url, headers, body };
  const posted = poster.post(webhook);
  await arrived.promise;
  poster.abandon();
  assert.equal(await posted, undefined);
  assert.equal(await poster.post(webhook), undefined);
});

test('a server that closes idle connections loses nothing', async () => {
  let received = 0;
  const server = http.createServer({ keepAliveTimeout: 1 }, (request, response) => {
    request.resume().once('end', () => {
      received += 1;
      response.end('thanks');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  using poster = openPoster();
  const outcomes = new Set<string>();
  const post = async (): Promise<void> => {
    for (let n = 0; n < 50; n += 1) {
      outcomes.add((await poster.to(`http://127.0.0.1:${port}/`)).outcome);
    }
  };
  await Promise.all([post(), post(), post(), post()]);
  assert.deepEqual([...outcomes], ['delivered']);
  assert(received >= 200);
  server.closeAllConnections();
  server.close();
});
