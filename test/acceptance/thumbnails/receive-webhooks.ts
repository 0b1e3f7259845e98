import { once } from 'node:events';
import http from 'node:http';
import { type StatusBody, StatusBodySchema, validator } from '@switchyard/contracts';
import { Webhook } from 'standardwebhooks';
import { listeningPort } from './listening-port.ts';

/** A webhook whose signature held. */
export type Received = { readonly webhookId: string; readonly status: StatusBody };

/** Takes webhooks on loopback and keeps a journal of them. */
export type WebhookReceiver = AsyncDisposable & {
  readonly url: string;
  readonly received: readonly Received[];
  /** Why a webhook was not taken: one sentence for each. */
  readonly refused: readonly string[];
  /** Resolves once `count` webhooks were received, or after `waitMs`. */
  readonly until: (count: number, waitMs: number) => Promise<void>;
};

const checkStatus = validator(StatusBodySchema, 'webhook');

/** @param secret that of the endpoint, `whsec_…`, as the specification's own library takes it. */
export const receiveWebhooks = async (secret: string): Promise<WebhookReceiver> => {
  const webhook = new Webhook(secret);
  const received: Received[] = [];
  const refused: string[] = [];
  const take = (headers: http.IncomingHttpHeaders, body: string): void => {
    const plain = Object.entries(headers).map(([name, value]) => [name, String(value)]);
    const checked = checkStatus(webhook.verify(body, Object.fromEntries(plain)));
    if (!checked.ok) throw new Error(checked.detail);
    received.push({ webhookId: String(headers['webhook-id']), status: checked.value });
  };
  const server = http.createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString('utf8');
    try {
      take(request.headers, body);
      response.writeHead(204).end();
    } catch (error) {
      refused.push(String(error));
      response.writeHead(400).end();
    }
    server.emit('webhook');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${listeningPort(server)}/finished`,
    received,
    refused,
    until: async (count, waitMs) => {
      const signal = AbortSignal.timeout(waitMs);
      while (received.length < count && !signal.aborted) {
        await once(server, 'webhook', { signal }).catch(() => undefined);
      }
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};
