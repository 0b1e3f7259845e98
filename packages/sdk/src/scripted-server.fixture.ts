import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Seen = {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
};

/** What the script says: an answer, or `hang up` for a connection that ends without one. */
export type Scripted =
  | {
      readonly status?: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: unknown;
      /** Instead of `body`: exactly this text. */
      readonly text?: string;
    }
  | 'hang up';

/** A real HTTP server on loopback that answers as `script` says and keeps what it was asked. */
export const startScriptedServer = async (
  script: (call: Seen, seen: readonly Seen[]) => Scripted | Promise<Scripted>,
) => {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    const { method = '', url = '', headers } = request;
    const call = { method, url, headers, body: Buffer.concat(parts).toString('utf8') };
    seen.push(call);
    const answer = await script(call, seen);
    if (answer === 'hang up') return request.socket.destroy();
    response.writeHead(answer.status ?? 200, {
      'content-type': 'application/json',
      ...answer.headers,
    });
    return response.end(answer.text ?? JSON.stringify(answer.body ?? {}));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      if (server.listening) server.close();
    },
  };
};
