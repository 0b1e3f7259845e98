import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';

export type Received = {
  readonly atMs: number;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
};

export type Answer = (response: http.ServerResponse, received: Received) => void;

/** A client's HTTP server that webhooks go to. */
export type Receiver = AsyncDisposable & {
  readonly url: string;
  readonly received: readonly Received[];
  /** The most requests that were open at a time. */
  readonly openMax: number;
  /** Counts TCP connections, also those on which nothing was said. */
  readonly connections: number;
  /** Resolves when `count` webhooks have come in. */
  count(count: number): Promise<void>;
};

const ok: Answer = (response) => {
  response.end('thanks');
};
export const hang: Answer = () => undefined;
export const answer =
  (status: number, headers: http.OutgoingHttpHeaders = {}): Answer =>
  (response) => {
    response.writeHead(status, headers).end(`this is ${status}`);
  };

export const startReceiver = async (reply: Answer = ok): Promise<Receiver> => {
  const received: Received[] = [];
  const waiting = new Set<{ readonly count: number; readonly resolve: () => void }>();
  const state = { open: 0, openMax: 0, connections: 0 };
  const server = http.createServer(async (request, response) => {
    state.open += 1;
    state.openMax = Math.max(state.openMax, state.open);
    response.on('close', () => {
      state.open -= 1;
    });
    response.on('error', () => undefined);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
    );
    const path = request.url ?? '';
    const one = { atMs: performance.now(), path, headers, body: Buffer.concat(chunks) };
    received.push(one);
    for (const waiter of waiting) if (received.length >= waiter.count) waiter.resolve();
    reply(response, one);
  });
  server.on('connection', () => {
    state.connections += 1;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}/hook`,
    received,
    get openMax() {
      return state.openMax;
    },
    get connections() {
      return state.connections;
    },
    count: (count) =>
      new Promise((resolve) => {
        if (received.length >= count) resolve();
        else waiting.add({ count, resolve });
      }),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};
