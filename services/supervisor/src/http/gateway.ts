import { randomUUID } from 'node:crypto';
import {
  type EndpointId,
  ERRORS,
  type Problem,
  parseEndpointId,
  parseWorkerId,
  problemBody,
  RESULT_MAX_BYTES,
  Refusal,
  refuse,
  type WorkerId,
} from '@switchyard/contracts';
import type { Health, Log, Metrics } from '@switchyard/runtime';
import { type KeyRing, mayUse, StoreUnavailable } from '@switchyard/store';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';

/** A refused poll is answered late, in ms: at an instant no RunPod's worker asks at once again. */
const REFUSAL_PAUSE_MS = 5_000;
const REFUSALS_MAX = 100;
/** Room for the envelope around the largest output, and for the list of held jobs. */
export const BODY_MAX_BYTES = RESULT_MAX_BYTES + 8 * 1_048_576;

export type GatewayContext = {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly health: Health;
  readonly keyRing: KeyRing;
  /** Asks the database too, so that it is for those whose token is good. */
  readonly hasEndpoint: (endpointId: EndpointId) => Promise<boolean>;
};

/** Who calls: a worker of an endpoint that its token opens. */
export type Caller = { readonly endpointId: EndpointId; readonly workerId: WorkerId };

export type CallerParams = { endpoint: string; worker: string };

/** The gateway without its routes: bodies as bytes, errors as problems, health and metrics. */
export const createGateway = (context: GatewayContext): FastifyInstance => {
  const app = Fastify({
    bodyLimit: BODY_MAX_BYTES,
    genReqId: () => randomUUID(),
    requestTimeout: 120_000,
    keepAliveTimeout: 72_000,
    forceCloseConnections: true,
    // On a poll it would claim a job and drop it; those who look at health may use it.
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 256, querystringParser: readQuery },
  });
  app.removeAllContentTypeParsers();
  // RunPod's worker labels its JSON as a form; whatever the label says, the body is taken as bytes.
  // The label is dropped, as fastify refuses one that is no media type before it asks the parser.
  app.addHook('onRequest', (request, _reply, done) => {
    request.headers['content-type'] = undefined;
    done();
  });
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.addHook('onSend', async (request, reply) => {
    reply.header('x-request-id', request.id);
  });
  app.setNotFoundHandler((_request, reply) =>
    sendProblem(reply, { code: 'route.not_found', detail: 'The gateway has no such route.' }),
  );
  app.setErrorHandler((error, request, reply) => answerError(context, error, request, reply));
  const head = { exposeHeadRoute: true };
  app.get('/healthz', head, async () => context.health.live());
  app.get('/readyz', head, async (_request, reply) => {
    const ready = await context.health.readyz();
    return reply.code(ready.ok ? 200 : 503).send(ready);
  });
  app.get('/metrics', head, async (_request, reply) => {
    const { contentType, body } = await context.metrics.render();
    return reply.type(contentType).send(body);
  });
  return app;
};

/** One text for each parameter: what is given more than once is joined by commas. */
const readQuery = (text: string): Record<string, string> => {
  const joined = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(text)) {
    const before = joined.get(name);
    joined.set(name, before === undefined ? value : `${before},${value}`);
  }
  return Object.fromEntries(joined);
};

/** Sends a problem as RFC 9457 has it. */
export const sendProblem = (reply: FastifyReply, problem: Problem): FastifyReply => {
  if (problem.retryAfterSeconds !== undefined) {
    reply.header('retry-after', problem.retryAfterSeconds);
  }
  return reply
    .code(ERRORS[problem.code].status)
    .type('application/problem+json')
    .send(JSON.stringify(problemBody(problem)));
};

const answerError = (
  context: GatewayContext,
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply => {
  if (error instanceof Refusal) return sendProblem(reply, error.problem);
  if (error instanceof StoreUnavailable) {
    const detail = 'The database is away; try again.';
    return sendProblem(reply, { code: 'store.unavailable', detail, retryAfterSeconds: 5 });
  }
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : 500;
  if (status === 413) {
    const detail = `The body is larger than ${BODY_MAX_BYTES} bytes.`;
    return sendProblem(reply, { code: 'request.too_large', detail });
  }
  if (typeof status === 'number' && status < 500) {
    return sendProblem(reply, { code: 'request.invalid', detail: 'The request is not valid.' });
  }
  context.log.error({ err: error, requestId: request.id }, 'a gateway request failed');
  return sendProblem(reply, { code: 'server.defect', detail: 'The gateway made a mistake.' });
};

/** Finds out who calls. @throws Refusal when the token does not open this endpoint. */
export const readCaller = async (
  context: GatewayContext,
  request: FastifyRequest<{ Params: CallerParams }>,
): Promise<Caller> => {
  const endpointId = parseEndpointId(request.params.endpoint);
  const workerId = parseWorkerId(request.params.worker);
  const check = await context.keyRing.check(request.headers.authorization);
  if (!check.ok) throw new Refusal(check.problem);
  const mayBe = endpointId !== undefined && mayUse(check.principal, endpointId);
  if (!mayBe || !(await context.hasEndpoint(endpointId))) {
    throw refuse('endpoint.not_found', 'There is no such endpoint.');
  }
  if (!check.principal.scopes.has('worker')) {
    throw refuse('auth.scope', 'The key lacks the scope "worker".');
  }
  if (workerId === undefined) {
    throw refuse(
      'request.invalid',
      'The worker id must be 1 to 128 letters, digits, dots, dashes or underscores.',
    );
  }
  return { endpointId, workerId };
};

/** The options of a route with a body: strangers are refused before it is read into memory. */
export const forCallers = (context: GatewayContext) => ({
  onRequest: async (request: FastifyRequest): Promise<void> => {
    await readCaller(context, request as FastifyRequest<{ Params: CallerParams }>);
  },
});

export type PausedRefusals = (reply: FastifyReply, problem: Problem) => Promise<FastifyReply>;

/**
 * Sends refusals of polls late. When many are held, or the database is away, the answer is 429:
 * it makes RunPod's worker pause by itself.
 */
export const createPausedRefusals = (): PausedRefusals => {
  let held = 0;
  return async (reply, problem) => {
    if (held >= REFUSALS_MAX) {
      const detail = 'Too many workers ask; wait five seconds.';
      return sendProblem(reply, { code: 'rate.limited', detail, retryAfterSeconds: 5 });
    }
    held += 1;
    try {
      await pause(REFUSAL_PAUSE_MS, reply);
    } finally {
      held -= 1;
    }
    return sendProblem(reply, problem);
  };
};

const pause = (ms: number, reply: FastifyReply): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    reply.raw.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
