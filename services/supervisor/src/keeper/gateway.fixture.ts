/** A stand-in for the HTTP part of the supervisor behind a keeper: it answers what it is posted. */
import { createServer } from 'node:http';
import { specFor } from '../processes/process.fixture.ts';
import { openKeeperLine } from './keeper-line.ts';
import { receiveSockets } from './receive-sockets.ts';
import { openRemoteHost } from './remote-host.ts';

const line = openKeeperLine();
const host = await openRemoteHost(line);
const exits: unknown[] = [];
host.onExit((exit) => exits.push(exit));

const server = createServer({ headersTimeout: 300, connectionsCheckingInterval: 50 });
server.on('request', async (request, response) => {
  const url = new URL(request.url ?? '', 'http://gateway');
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString();
  const say = (answer: unknown) => {
    response.setHeader('connection', 'close');
    response.end(JSON.stringify(answer));
  };
  if (url.pathname === '/start') {
    const spec = specFor(JSON.parse(body));
    host.start(spec);
    return say({ workerId: spec.workerId });
  }
  if (url.pathname === '/end') {
    host.end(body, { graceMs: 100 });
    return say({});
  }
  if (url.pathname === '/state') {
    const leftovers = await host.endLeftovers();
    return say({ pid: process.pid, workers: host.list(), exits, leftovers, port: host.port });
  }
  return say({ pid: process.pid, body });
});

process.on('SIGTERM', async () => {
  await host.stop(500);
  process.exit(0);
});
await new Promise((resolve) => setTimeout(resolve, Number(process.argv[2] ?? 0)));
receiveSockets(line, server);
