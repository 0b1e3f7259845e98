import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { fetchPicture } from './fetch-picture.ts';

const LIMITS = { maxBytes: 1_000, deadlineMs: 10_000 };
const NEVER = new AbortController().signal;

let base = '';
let sent = 0;
const server = http.createServer((request, response) => {
  switch (request.url) {
    case '/ok':
      response.end('x'.repeat(1_000));
      break;
    case '/moved':
      response.writeHead(302, { location: '/ok' }).end();
      break;
    case '/empty':
      response.end();
      break;
    case '/long':
      response.writeHead(200, { 'content-length': 1_001 }).flushHeaders();
      break;
    case '/endless':
      pour(response);
      break;
    case '/cut':
      response.writeHead(200, { 'content-length': 900 }).write('x');
      response.write('y', () => response.destroy());
      break;
    case '/slow':
      response.write('x');
      break;
    default:
      response.writeHead(404).end();
  }
});

const pour = (response: http.ServerResponse): void => {
  if (response.destroyed) return;
  sent += 1;
  response.write('x'.repeat(100), () => setImmediate(pour, response));
};

before(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => {
  server.closeAllConnections();
  server.close();
});

const get = (path: string, limits = LIMITS, signal = NEVER) =>
  fetchPicture(new URL(path, base), signal, limits);

test('a picture up to the limit is downloaded, over a redirect too', async () => {
  assert.equal((await get('/ok')).length, 1_000);
  assert.equal((await get('/moved')).length, 1_000);
});

for (const [path, sentence] of [
  ['/nothing', /\/nothing answered status 404\.$/],
  ['/nothing?signature=secret', /\/nothing answered status 404\.$/],
  ['/empty', /\/empty is empty\.$/],
  ['/long', /\/long is larger than 1000 bytes, the most that is downloaded\.$/],
  ['/endless', /\/endless is larger than 1000 bytes/],
  ['/cut', /\/cut could not be downloaded: .+\.$/],
] as const) {
  test(`${path} fails with a sentence that says why`, async () => {
    await assert.rejects(get(path), { name: 'PictureError', message: sentence });
  });
}

test('what never ends is not read on', async () => {
  await assert.rejects(get('/endless'));
  const before = sent;
  await get('/ok');
  assert.ok(sent - before < 1_000);
});

test('a slow download ends at the deadline, a cancelled one at once', async () => {
  const soon = { ...LIMITS, deadlineMs: 100 };
  await assert.rejects(get('/slow', soon), /did not deliver the picture within 0.1 s\.$/);
  const signal = AbortSignal.timeout(50);
  await assert.rejects(get('/slow', LIMITS, signal), { name: 'TimeoutError' });
});

test('a refused connection and a user in the address are named', async () => {
  await assert.rejects(get('http://127.0.0.1:1/a.jpg'), /could not be downloaded: .+/);
  const address = base.replace('//', '//user:password@');
  await assert.rejects(get(`${address}/ok`), /: it holds a user or password\.$/);
});
