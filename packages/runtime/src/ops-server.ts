import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Server as NetServer } from 'node:net';
import { type Problem, problemBody } from '@switchyard/contracts';
import type { Health } from './health.ts';
import type { Metrics } from './metrics.ts';

/** A port cannot be opened; the message is one clause for the person who started the process. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/**
 * Makes `server` listen, and gives the port that it got; port 0 asks for a free one.
 * @throws ListenError (rejects) when the port is taken, not permitted, or the host is none of ours.
 */
export const listenOn = (server: NetServer, host: string, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    const refuse = (error: Error): void => {
      reject(new ListenError(whyNot(error, host, port), { cause: error }));
    };
    server.once('error', refuse);
    server.listen({ host, port }, () => {
      server.off('error', refuse);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });

/** The URL of a door that listens on `host`: an address, IPv6 without brackets, or a name. */
export const makeDoorUrl = (host: string, port: number): string =>
  `http://${host.includes(':') ? `[${host}]` : host}:${port}`;

const whyNot = (error: Error, host: string, port: number): string => {
  const code = 'code' in error ? error.code : undefined;
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} on ${host} is in use`;
    case 'EACCES':
    case 'EPERM':
      return `port ${port} on ${host} is not permitted for this user`;
    case 'EADDRNOTAVAIL':
      return `${host} is not an address of this machine`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the host name ${host} is not known`;
    default:
      return `port ${port} on ${host} cannot be opened: ${error.message}`;
  }
};

export type OpsServer = { readonly port: number; readonly close: () => Promise<void> };

type Ops = { readonly health: Health; readonly metrics: Metrics };
type Answer = { readonly status: number; readonly contentType: string; readonly body: string };

/**
 * Serves `/healthz`, `/readyz` and `/metrics` for a process that has no HTTP door of its own.
 * @throws ListenError (rejects)
 */
export const startOpsServer = async (
  options: Ops & { readonly host: string; readonly port: number },
): Promise<OpsServer> => {
  const server = createServer(
    { headersTimeout: 5_000, requestTimeout: 10_000, connectionsCheckingInterval: 1_000 },
    (request, response) => void answer(options, request, response),
  );
  server.maxConnections = 256;
  const port = await listenOn(server, options.host, options.port);
  return { port, close: () => close(server) };
};

const close = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    // Fails only where it is closed already, which is what was asked for.
    server.close(() => resolve());
    // Whoever scrapes keeps its connection open, and asks again elsewhere when it is gone.
    server.closeAllConnections();
  });

const answer = async (
  ops: Ops,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  let given: Answer;
  try {
    given = await find(ops, request);
  } catch {
    given = problem({ code: 'server.defect', detail: 'The answer could not be made.' });
  }
  const { status, contentType, body } = given;
  // A body that was sent along is not read: closing is cheaper than waiting for its end.
  const isBare = request.method === 'GET' || request.method === 'HEAD';
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(status === 405 ? { allow: 'GET, HEAD' } : {}),
    ...(isBare ? {} : { connection: 'close' }),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
};

const find = async ({ health, metrics }: Ops, request: IncomingMessage): Promise<Answer> => {
  const path = request.url?.split('?', 1)[0];
  if (path !== '/healthz' && path !== '/readyz' && path !== '/metrics') {
    return problem({ code: 'route.not_found', detail: 'There is no such route.' });
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return problem({ code: 'route.method', detail: `${path} can only be read.` });
  }
  switch (path) {
    case '/healthz':
      return state(health.live());
    case '/readyz':
      return state(await health.readyz());
    case '/metrics':
      return { status: 200, ...(await metrics.render()) };
    default:
      return path satisfies never;
  }
};

const state = (result: { readonly ok: boolean }): Answer => ({
  status: result.ok ? 200 : 503,
  contentType: 'application/json',
  body: JSON.stringify(result),
});

const problem = (what: Problem): Answer => {
  const body = problemBody(what);
  return {
    status: Number(body.status),
    contentType: 'application/problem+json',
    body: JSON.stringify(body),
  };
};
