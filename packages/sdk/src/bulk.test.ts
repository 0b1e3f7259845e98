import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { AnswerError, ApiError, createClient, UnreachableError } from './index.ts';

const ACCEPTED = '{"id":"j","status":"IN_QUEUE"}';
const PROBLEM = JSON.stringify({
  ...{ line: 2, type: 't', title: 'T', status: 400, detail: 'No.', error: 'No.' },
  code: 'request.invalid',
});

let seen: IncomingHttpHeaders = {};
/** Answers each line as it comes: `bad` with a problem, `rubbish` with none of ours, `cut` not. */
const server = createServer(async (request, response) => {
  seen = request.headers;
  if (request.url !== '/v1/endpoints/echo/jobs/bulk') {
    response.writeHead(404).end('{"code":"endpoint.not_found","detail":"None."}');
    return;
  }
  response.flushHeaders();
  for await (const line of createInterface({ input: request })) {
    if (line === 'cut') return void response.destroy();
    // In two writes, so that the border of a chunk stands within a line.
    const text = { bad: PROBLEM, rubbish: '{"id":7}' }[line] ?? ACCEPTED;
    response.write(text.slice(0, 9));
    response.write(`${text.slice(9)}\n`);
  }
  response.end();
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
after(() => {
  server.closeAllConnections();
  server.close();
});
const { port } = server.address() as AddressInfo;
const client = createClient({ baseUrl: `http://127.0.0.1:${port}`, apiKey: 'k' });

async function* linesOf(...lines: readonly string[]): AsyncGenerator<Buffer, void> {
  for (const line of lines) yield Buffer.from(`${line}\n`);
}

test('each line is told of while others are still to be sent', async () => {
  const gate = Promise.withResolvers<void>();
  async function* body(): AsyncGenerator<Buffer, void> {
    yield* linesOf('one');
    await gate.promise;
    yield* linesOf('bad', 'three');
  }
  const answers = client.runLines('echo', body(), { idempotencyKey: 'mine' });
  assert.deepEqual((await answers.next()).value, { id: 'j', status: 'IN_QUEUE' });
  gate.resolve();
  const { value } = await answers.next();
  assert.ok(value && 'code' in value);
  assert.deepEqual([value.line, value.code], [2, 'request.invalid']);
  assert.deepEqual((await answers.next()).value, { id: 'j', status: 'IN_QUEUE' });
  assert.equal((await answers.next()).done, true);
  assert.equal(seen['content-type'], 'application/x-ndjson');
  assert.equal(seen['idempotency-key'], 'mine');
  assert.equal(seen.authorization, 'Bearer k');
});

test('it throws what any other call throws', async () => {
  await assert.rejects(client.runLines('nowhere', linesOf('one')).next(), (error) => {
    assert.ok(error instanceof ApiError);
    return error.code === 'endpoint.not_found';
  });
  const nobody = createClient({ baseUrl: 'http://127.0.0.1:1', apiKey: 'k' });
  await assert.rejects(nobody.runLines('echo', linesOf('one')).next(), UnreachableError);
  await assert.rejects(client.runLines('echo', linesOf('rubbish')).next(), AnswerError);
  const broken = client.runLines('echo', linesOf('one', 'cut'));
  await broken.next();
  await assert.rejects(broken.next(), UnreachableError);
  const signal = AbortSignal.abort(new Error('enough'));
  await assert.rejects(client.runLines('echo', linesOf('one'), { signal }).next(), /enough/);
});
