/** The HTTP front of peers and reference: fastify, a schema for body and answer, one add each. */
import Fastify from 'fastify';
import type { EnginePlan } from '../engine.ts';
import { openEngine } from '../open-engine.ts';
import { openParent, readPlan } from './parent.ts';

export type FrontPlan = EnginePlan & { readonly port: number };

const { port, ...plan } = readPlan<FrontPlan>();
const parent = openParent();
const engine = await openEngine(plan);
const app = Fastify({ logger: false });
const schema = {
  body: {
    type: 'object',
    required: ['input'],
    additionalProperties: false,
    properties: { input: { type: 'object' } },
  },
  response: { 200: { type: 'object', properties: { id: { type: 'string' } } } },
};
app.post<{ Body: { input: object } }>('/v2/:endpoint/run', { schema }, async ({ body }) => ({
  id: await engine.add(body.input),
}));
await app.listen({ port, host: '127.0.0.1' });
parent.say({ kind: 'ready' });
