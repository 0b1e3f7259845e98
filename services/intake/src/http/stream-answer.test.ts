import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { streamAnswer } from './stream-answer.ts';

type Served = { readonly told: unknown[]; readonly done: Promise<void> };

/** Answers one request with `parts`; the client's side of it, and what became of the server's. */
const serve = async (parts: () => AsyncGenerator<string>) => {
  const served = Promise.withResolvers<Served>();
  const server = http.createServer((request, response) => {
    const told: unknown[] = [];
    const context = { isStopping: () => false, conversing: new WeakSet() };
    const tell = (error: unknown) => void told.push(error);
    const body = Readable.from(parts(), { objectMode: false });
    served.resolve({ told, done: streamAnswer(request, response, body, context, tell) });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const request = http.request({ port, host: '127.0.0.1', method: 'POST' });
  request.on('error', () => undefined);
  request.write('begun');
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  return { request, response, ...(await served.promise) };
};

async function* two(): AsyncGenerator<string> {
  yield 'one';
  yield 'two';
}

test('the answer begins and ends before the request does, and then the connection', async () => {
  const { request, response, told, done } = await serve(two);
  assert.equal(await text(response), 'onetwo');
  await once(request, 'close');
  await done;
  assert.deepEqual(told, []);
});

test('a defect cuts the answer short, and is told', async () => {
  const defect = new TypeError('made for this test');
  const { response, told, done } = await serve(async function* () {
    yield 'one';
    throw defect;
  });
  await assert.rejects(text(response));
  await done;
  assert.deepEqual(told, [defect]);
});

test('a client that leaves is no defect', async () => {
  const left = Promise.withResolvers<void>();
  const { request, told, done } = await serve(async function* () {
    yield 'one';
    await left.promise;
    for (;;) yield 'x'.repeat(65_536);
  });
  request.destroy();
  left.resolve();
  await done;
  assert.deepEqual(told, []);
});
