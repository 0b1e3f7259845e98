import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { answerClientError } from './client-errors.ts';
import { createRequestIds } from './request-ids.ts';

const conversing = new WeakSet<Socket>();
const times = { requestTimeout: 200, headersTimeout: 200, connectionsCheckingInterval: 50 };
const server = http.createServer(times, (request, response) => {
  if (request.url === '/slow') conversing.add(request.socket);
  request.pipe(response);
});
server.on('clientError', answerClientError(createRequestIds(), conversing));
server.listen(0, '127.0.0.1');
await once(server, 'listening');
after(() => server.close());

/** Begins a chunked request, says `text` when the time for it is over; what was answered. */
const talk = async (path: string, text: string): Promise<string> => {
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.on('data', (data) => {
    answer += data.toString();
  });
  socket.on('error', () => undefined);
  socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`);
  socket.write('5\r\nfirst\r\n');
  // The server looks for such requests each 50 ms, and breaks off those that it does not spare.
  const closed = once(socket, 'close');
  await Promise.race([closed, new Promise((late) => setTimeout(late, 500))]);
  if (!socket.destroyed) socket.write(text);
  await closed;
  return answer;
};

const END = '3\r\nend\r\n0\r\n\r\n';

test('a request that takes too long is 408', async () => {
  assert.match(await talk('/', END), /HTTP\/1\.1 408 .*request\.timeout/s);
});

test('one whose answer is under way may go on', async () => {
  const closing = setTimeout(() => server.closeAllConnections(), 1_500);
  const answer = await talk('/slow', END);
  clearTimeout(closing);
  assert.match(answer, /^HTTP\/1\.1 200 .*first.*end\r\n0\r\n\r\n$/s);
});

test('of one that breaks while its answer is under way the answer only stops', async () => {
  const answer = await talk('/slow', 'no length at all\r\n');
  assert.match(answer, /^HTTP\/1\.1 200 .*first\r\n$/s);
});
