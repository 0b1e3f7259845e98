import { once } from 'node:events';
import http from 'node:http';

/** A webhook's target on loopback that keeps every body it was sent, as bytes. */
export type WebhookTarget = AsyncDisposable & {
  readonly url: string;
  /** The body of the delivery for `job`, sent already or to come. @throws Error after 30 s. */
  bodyFor(job: string): Promise<Buffer>;
  readonly bodies: () => readonly Buffer[];
};

const WAIT_MS = 30_000;

/** Starts one on a free port; it answers 200 with the text `answer`. */
export const startWebhookTarget = async (answer = 'ok'): Promise<WebhookTarget> => {
  const bodies: Buffer[] = [];
  const heard = new EventTarget();
  const server = http.createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece);
    bodies.push(Buffer.concat(pieces));
    response.end(answer);
    heard.dispatchEvent(new Event('body'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return {
    url: `http://127.0.0.1:${address.port}/hook`,
    bodies: () => bodies,
    bodyFor: async (job) => {
      const late = AbortSignal.timeout(WAIT_MS);
      for (;;) {
        const found = bodies.find((body) => body.includes(`"${job}"`));
        if (found !== undefined) return found;
        await once(heard, 'body', { signal: late }).catch(() => {
          throw new Error(`no webhook came for ${job} within ${WAIT_MS} ms`);
        });
      }
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};
