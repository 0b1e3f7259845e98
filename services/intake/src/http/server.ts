import { Readable } from 'node:stream';
import { type Problem, refuse } from '@switchyard/contracts';
import type { CounterSeries, Metrics } from '@switchyard/runtime';
import type { KeyRing } from '@switchyard/store';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import type { EndpointCache } from '../resolve-endpoint.ts';
import { type Admitted, admitAtOnce, admitToEndpoint, admitToRoute } from './authenticate.ts';
import { type BodyBound, type BodyRoom, boundBodies, holdBodies } from './bound-bodies.ts';
import { callOf, pathOf } from './call.ts';
import { answerClientError } from './client-errors.ts';
import { checkLinesMedia, checkMedia, NDJSON_TYPE } from './media.ts';
import { answerProblem, type ProblemTeller } from './problems.ts';
import { createRequestIds } from './request-ids.ts';
import { type Answer, methodsOf, type Route, SMALL_BODY_MAX_BYTES } from './route.ts';
import { type StreamContext, streamAnswer } from './stream-answer.ts';

export type ServerContext = {
  readonly keyRing: KeyRing;
  readonly endpoints: EndpointCache;
  readonly metrics: Metrics;
  readonly tell: ProblemTeller;
  readonly isStopping: () => boolean;
};

/** Against clients that hold connections by sending slowly, in ms. */
const HEADERS_MAX_MS = 15_000;
const REQUEST_MAX_MS = 60_000;
const CONNECTIONS_CHECK_MS = 5_000;
/** Longer than the idle time of the usual load balancers, so that they hang up first. */
const KEEP_ALIVE_MS = 72_000;
/** A socket that is silent beyond the longest wait has a reader that does not read, in ms. */
const SILENCE_MAX_MS = 330_000;
const PARAMETER_MAX_CHARACTERS = 128;

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the check of the key, where the route has one. */
    admitted: Partial<Admitted>;
    /** Of its body, where that is read as a whole. */
    bodyRoom: BodyRoom | undefined;
  }
}

type Context = ServerContext & StreamContext & { readonly bodies: BodyBound };

/** A server for `routes`, not listening yet. */
export const createServer = (given: ServerContext, routes: readonly Route[]): FastifyInstance => {
  const context: Context = { ...given, conversing: new WeakSet(), bodies: boundBodies() };
  const requestIds = createRequestIds();
  const app = fastify({
    logger: false,
    genReqId: requestIds.of,
    bodyLimit: SMALL_BODY_MAX_BYTES,
    requestTimeout: REQUEST_MAX_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionTimeout: SILENCE_MAX_MS,
    return503OnClosing: false,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: PARAMETER_MAX_CHARACTERS },
    http: { headersTimeout: HEADERS_MAX_MS, connectionsCheckingInterval: CONNECTIONS_CHECK_MS },
    clientErrorHandler: answerClientError(requestIds, context.conversing),
    frameworkErrors: (error, request, reply) => {
      void send(context, reply, request.id, answerProblem(context.tell(error, request.id)));
    },
  });
  app.decorateRequest('admitted');
  app.decorateRequest('bodyRoom');
  app.removeAllContentTypeParsers();
  // Bodies are read as bytes only: what is in them is passed on as it came.
  // The usual type by its name as well, which spares parsing it.
  for (const type of ['application/json', '*']) {
    app.addContentTypeParser(type, { parseAs: 'buffer' }, (_request, body, done) =>
      done(null, body),
    );
  }
  app.addContentTypeParser(NDJSON_TYPE, (_request, stream, done) => done(null, stream));
  const counter = createCounter(context.metrics);
  app.setErrorHandler((error, request, reply) => {
    const answer = answerProblem(context.tell(error, request.id));
    counter(request.routeOptions.url)(answer.status);
    send(context, reply, request.id, answer);
  });
  app.setNotFoundHandler((request, reply) =>
    send(context, reply, request.id, answerUnrouted(routes, request)),
  );
  for (const route of routes) addRoute(app, context, route, counter(route.path));
  return app;
};

/** Resolves when every request under way has its answer; takes no new connections. */
export const closeServer = (app: FastifyInstance): Promise<void> =>
  new Promise((resolve) => {
    // Fails only where it never listened, and then there is nothing to wait for.
    app.server.close(() => resolve());
    app.server.closeIdleConnections();
  });

const addRoute = (
  app: FastifyInstance,
  context: Context,
  route: Route,
  count: CountAnswer,
): void => {
  const check = route.body?.type === undefined ? checkMedia : checkLinesMedia;
  app.route({
    method: methodsOf(route),
    url: route.path,
    bodyLimit: route.body?.maxBytes ?? SMALL_BODY_MAX_BYTES,
    // Before the body is read: whoever has no key sends no 20 MB. By callbacks, as the handler
    // below: most requests wait for nothing here, and each promise costs them a turn.
    onRequest: (request, _reply, done) => {
      if (route.access !== 'open' && context.isStopping()) throw stopping();
      const enter = (admitted: Partial<Admitted>): void => {
        request.admitted = admitted;
        if (route.access !== 'open') check(request.headers);
        if (route.access !== 'endpoint' || admitted.endpoint === undefined) return;
        const refusal = route.refusal?.(admitted.endpoint, request.headers);
        if (refusal !== undefined) throw refusal;
      };
      const admitted = admit(context, route, request);
      if (admitted instanceof Promise) {
        admitted.then(enter).then(() => done(), done);
        return;
      }
      enter(admitted);
      done();
    },
    ...(route.method === 'GET' || route.body?.type !== undefined ? {} : holdBodies(context.bodies)),
    handler: (request, reply) => {
      const answerWith = (answer: Answer): void => {
        count(answer.status);
        send(context, reply, request.id, answer);
      };
      const fail = (error: unknown): void =>
        answerWith(answerProblem(context.tell(error, request.id)));
      answerCall(route, request, reply).then(answerWith).catch(fail);
    },
  });
};

const admit = (
  context: ServerContext,
  route: Route,
  request: FastifyRequest,
): Partial<Admitted> | Promise<Partial<Admitted>> => {
  const { authorization } = request.headers;
  switch (route.access) {
    case 'open':
      return {};
    case 'key':
      return admitToRoute(context, route, authorization).then((principal) => ({ principal }));
    case 'endpoint': {
      const name = pathOf(request).endpoint ?? '';
      const known = admitAtOnce(context, route, authorization, name);
      return known ?? admitToEndpoint(context, route, authorization, name);
    }
    default:
      return route satisfies never;
  }
};

const answerCall = (
  route: Route,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Answer> => {
  const { principal, endpoint, endpointId } = request.admitted;
  if (route.access === 'open') return route.answer(callOf(request, reply, {}));
  if (principal === undefined) throw new TypeError('a route with a key was called without one');
  if (route.access === 'key') return route.answer(callOf(request, reply, { principal }));
  if (endpoint === undefined || endpointId === undefined) {
    throw new TypeError('a route of an endpoint was called without one');
  }
  return route.answer(callOf(request, reply, { principal, endpoint, endpointId }));
};

/** Past fastify's serialisers and hooks, of which there are none: the bytes are at hand. */
const send = (context: Context, reply: FastifyReply, requestId: string, answer: Answer): void => {
  const headers = ['x-request-id', requestId];
  for (const name in answer.headers) headers.push(name, answer.headers[name] ?? '');
  // A connection that stays open would hold up the stop; fastify closes those of unread bodies.
  if (context.isStopping() || reply.hasHeader('connection')) headers.push('connection', 'close');
  const status = answer.status ?? 200;
  const { body } = answer;
  if (status !== 204) {
    headers.push('content-type', answer.contentType ?? 'application/json');
  }
  if (body instanceof Readable) {
    reply.hijack();
    reply.raw.writeHead(status, headers);
    void streamAnswer(reply.request.raw, reply.raw, body, context, (error) =>
      context.tell(error, requestId),
    );
    return;
  }
  if (status !== 204) {
    const bytes = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
    headers.push('content-length', String(bytes));
  }
  reply.hijack();
  reply.raw.writeHead(status, headers).end(status === 204 ? undefined : body);
};

const stopping = () =>
  refuse('service.stopping', 'This server is stopping; ask another one.', { retryAfterSeconds: 1 });

/** What no route matched: the path with another method is 405 and says which it has. */
const answerUnrouted = (routes: readonly Route[], request: FastifyRequest): Answer => {
  const parts = (request.url.split('?', 1)[0] ?? '').split('/');
  const methods = routes
    .filter((route) => {
      const wanted = route.path.split('/');
      return (
        wanted.length === parts.length &&
        wanted.every((part, at) => part.startsWith(':') || part === parts[at])
      );
    })
    .flatMap(methodsOf);
  if (methods.length === 0) return answerProblem(UNROUTED);
  const allow = methods.join(', ');
  const answer = answerProblem({ code: 'route.method', detail: `This path takes ${allow}.` });
  return { ...answer, headers: { allow } };
};

const UNROUTED: Problem = { code: 'route.not_found', detail: 'There is no such route.' };

type CountAnswer = (status: number | undefined) => void;

/** Counts the answers of a route; a series is made when its status is first given. */
const createCounter = (metrics: Metrics) => {
  const requests = metrics.counter('switchyard_http_requests_total', 'Requests answered.', [
    'route',
    'status',
  ]);
  const routes = new Map<string, CountAnswer>();
  const makeCount = (route: string): CountAnswer => {
    const series = new Map<number, CounterSeries>();
    return (status = 200) => {
      const known = series.get(status);
      if (known !== undefined) return known.add(1);
      const made = requests.with({ route, status: String(status) });
      series.set(status, made);
      made.add(1);
    };
  };
  return (route = 'none'): CountAnswer => {
    const count = routes.get(route) ?? makeCount(route);
    routes.set(route, count);
    return count;
  };
};
