import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { isObject } from './runpod-worker/received-job.ts';

/** One request of the worker as it came. */
export type Call = {
  atMs: number;
  /** `job-take`, `job-done`, `ping`, … */
  name: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
  body: string;
};

/** `hold` never answers; `reset` breaks the connection. */
export type Reply = { status: number; json?: unknown } | 'hold' | 'reset';

export type ScriptedGateway = {
  gatewayUrl: string;
  calls(name: string): Call[];
  /** The first `count` calls of that name. @throws Error after `timeoutMs`. */
  arrived(name: string, count: number, timeoutMs?: number): Promise<Call[]>;
  close(): Promise<void>;
};

const write = (response: ServerResponse, reply: Reply): void => {
  if (reply === 'hold') return;
  if (reply === 'reset') {
    response.socket?.resetAndDestroy();
    return;
  }
  const body = reply.status === 204 ? '' : JSON.stringify(reply.json ?? {});
  response.writeHead(reply.status, { 'content-type': 'application/json' }).end(body);
};

const callOf = async (request: IncomingMessage): Promise<Call> => {
  const atMs = performance.now();
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const url = new URL(request.url ?? '/', 'http://gateway');
  return {
    atMs,
    name: url.pathname.split('/')[3] ?? '',
    path: url.pathname,
    query: url.searchParams,
    headers: request.headers,
    body: Buffer.concat(chunks).toString('utf8'),
  };
};

/**
 * A server that answers a worker as a test says, to see how the worker reacts: `reply` is given
 * the call and how many of its name came before. A promise holds the call until it resolves.
 */
export const openScriptedGateway = async (
  reply: (call: Call, before: number) => Reply | Promise<Reply>,
): Promise<ScriptedGateway> => {
  const calls: Call[] = [];
  const named = (name: string): Call[] => calls.filter((call) => call.name === name);
  let noticed = Promise.withResolvers<void>();
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const call = await callOf(request);
    const before = named(call.name).length;
    calls.push(call);
    noticed.resolve();
    noticed = Promise.withResolvers();
    write(response, await reply(call, before));
  };
  const server = createServer((request, response) => {
    void serve(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address: unknown = server.address();
  const port = isObject(address) ? address.port : undefined;
  return {
    gatewayUrl: `http://127.0.0.1:${port}/v2`,
    calls: named,
    async arrived(name, count, timeoutMs = 30_000) {
      const late = AbortSignal.timeout(timeoutMs);
      const ended = new Promise<never>((_, reject) => {
        late.addEventListener('abort', () =>
          reject(new Error(`${named(name).length} of ${count} ${name} within ${timeoutMs} ms`)),
        );
      });
      ended.catch(() => undefined);
      while (named(name).length < count) await Promise.race([noticed.promise, ended]);
      return named(name).slice(0, count);
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};
