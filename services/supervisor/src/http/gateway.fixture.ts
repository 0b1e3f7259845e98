import { type EndpointId, parseEndpointId } from '@switchyard/contracts';
import { createHealth, createLog, createMetrics } from '@switchyard/runtime';
import type { Chunk, Finish } from '@switchyard/store';
import { createWorkerBook } from '../track-workers.ts';
import { createGateway } from './gateway.ts';
import { addRunpodRoutes, type RunpodContext } from './runpod.ts';

export const ENDPOINT = parseEndpointId('echo') as EndpointId;
export const TOKEN = 'token';

/** A gateway that stores nothing, to be asked by `inject`, and what reached its finisher. */
export const openGateway = (given: Partial<RunpodContext> = {}) => {
  const finishes: Finish[] = [];
  const chunks: Chunk[] = [];
  const context: RunpodContext = {
    log: createLog({ level: 'silent', service: 'test', instance: 'test' }),
    metrics: createMetrics({ service: 'test' }),
    health: createHealth(),
    keyRing: {
      check: async (authorization) =>
        authorization === TOKEN
          ? {
              ok: true,
              principal: { keyId: 'test', scopes: new Set(['worker']), endpoints: null },
            }
          : { ok: false, problem: { code: 'auth.invalid', detail: 'The API key is unknown.' } },
      known: () => undefined,
      forget: () => undefined,
    },
    hasEndpoint: async (endpointId) => endpointId === ENDPOINT,
    workers: createWorkerBook(
      () => undefined,
      () => undefined,
    ),
    finisher: {
      finish: async (_endpointId, finish) => {
        finishes.push(finish);
        return true;
      },
      append: async (_endpointId, chunk) => {
        chunks.push(chunk);
        return true;
      },
      idle: async () => undefined,
    },
    tellProgress: () => true,
    changed: () => undefined,
    replace: () => undefined,
    ...given,
  };
  const app = createGateway(context);
  addRunpodRoutes(app, context);
  return { app, context, finishes, chunks };
};
