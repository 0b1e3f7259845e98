import { once } from 'node:events';
import http from 'node:http';
import { text } from 'node:stream/consumers';
import type { StatusBody } from '@switchyard/contracts';

export type WebhookReceiver = AsyncDisposable & {
  readonly url: string;
  /** The statuses that came for a job, one for each delivery. */
  readonly statusesOf: (id: string) => readonly string[];
};

/** Listens on a free port, answers 200 and remembers which status came for which job. */
export const startWebhookReceiver = async (): Promise<WebhookReceiver> => {
  const received = new Map<string, string[]>();
  const server = http.createServer(async (request, response) => {
    const body: StatusBody = JSON.parse(await text(request));
    received.set(body.id, [...(received.get(body.id) ?? []), body.status]);
    response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return {
    url: `http://127.0.0.1:${address.port}/`,
    statusesOf: (id) => received.get(id) ?? [],
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};
