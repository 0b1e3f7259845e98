import type http from 'node:http';
import type { Failpoints } from '@switchyard/runtime';

/** Which parts of a path are names and not ids: `/v2/{endpoint}/status/{job}`, `/v1/keys/{key}`. */
const isLiteral = (part: string, at: number, first: string): boolean => {
  if (at === 0) return true;
  if (first === 'v2') return at === 2;
  return first === 'v1' ? at !== 2 : part !== '';
};

/** The failpoint of an answer: `intake.post.v2._.run`, with `_` for each id in the path. */
const routePoint = (service: string, method: string, url: string): string => {
  const [path = ''] = url.split('?');
  const parts = path.split('/').filter(Boolean);
  const [first = ''] = parts;
  const named = parts.map((part, at) => (isLiteral(part, at, first) ? part : '_'));
  return [service, method.toLowerCase(), ...named].join('.');
};

/**
 * Puts a failpoint at each answer of `server`, before the request is taken and after everything was
 * done, as its answer is about to leave. Failing, the connection ends without an answer.
 */
export const armServer = (service: string, server: http.Server, points: Failpoints): void => {
  const takers = server.listeners('request');
  server.removeAllListeners('request');
  server.on('request', (request, response) => {
    const name = routePoint(service, request.method ?? '', request.url ?? '');
    const take = (): Promise<void> =>
      new Promise((resolve) => {
        response.once('close', resolve);
        const end = response.end.bind(response);
        // What is written last waits until the point was passed; whoever answers does not.
        response.end = (...last: unknown[]) => {
          held = () => Reflect.apply(end, response, last);
          resolve();
          return response;
        };
        for (const taker of takers) Reflect.apply(taker, server, [request, response]);
      });
    let held = (): void => undefined;
    const refuse = (): void => {
      held = () => undefined;
      request.socket.destroy();
    };
    void points.around(name, take, refuse).then(() => held());
  });
};
