import { once } from 'node:events';
import http from 'node:http';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { openJournal, type WebhookPost } from '../history.ts';

export type WebhookReceiver = AsyncDisposable & {
  readonly port: number;
  /** Keeps what comes in the history of `folder`; before it is called, nothing is kept. */
  readonly keepIn: (folder: string) => void;
};

/** Redirects lead to `redirectTo`, where nobody may follow. */
export type ReceiverOptions = { readonly redirectTo?: string };

/**
 * Takes webhooks on a free port. The path is `/{endpoint}/{answers}`: the statuses that the tries
 * of one delivery are answered with, such as `500-200`; the last one is repeated.
 */
export const receiveWebhooks = async ({
  redirectTo,
}: ReceiverOptions = {}): Promise<WebhookReceiver> => {
  const tries = new Map<string, number>();
  let keep: (post: WebhookPost) => void = () => undefined;
  const take = async (request: http.IncomingMessage): Promise<number> => {
    const atMs = Date.now();
    const [, endpoint = '', answers = ''] = (request.url ?? '').split('/');
    const body = await text(request);
    const header = (name: string): string => String(request.headers[name] ?? '');
    const webhookId = header('webhook-id');
    const before = tries.get(webhookId) ?? 0;
    tries.set(webhookId, before + 1);
    const told = answers.split('-').map(Number);
    const statusCode = told[Math.min(before, told.length - 1)] ?? 200;
    const signed = {
      timestamp: header('webhook-timestamp'),
      signature: header('webhook-signature'),
    };
    keep({ atMs, endpoint, webhookId, ...signed, body, statusCode });
    return statusCode;
  };
  const server = http.createServer((request, response) => {
    take(request).then(
      (statusCode) => {
        const isRedirect = statusCode >= 300 && statusCode < 400 && redirectTo !== undefined;
        response.writeHead(statusCode, isRedirect ? { location: redirectTo } : {}).end();
      },
      // The notifier went in the middle of its request: that is no post.
      () => response.destroy(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('no port was given');
  const opened = new DisposableStack();
  return {
    port: address.port,
    keepIn: (folder) => {
      const journal = opened.use(openJournal<WebhookPost>(path.join(folder, 'posts')));
      keep = journal.write;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
      opened.dispose();
    },
  };
};
