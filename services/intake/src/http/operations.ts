import {
  AuditPageSchema,
  refuse,
  SupervisorInfoSchema,
  WorkerInfoSchema,
} from '@switchyard/contracts';
import { listAudit, listSupervisors, listWorkers, type Store } from '@switchyard/store';
import { integerIn } from './parameters.ts';
import { type Call, json, type KeyCall, type Route } from './route.ts';
import { ENDPOINT_PARAMETER, idsOf, visibleEndpoints } from './visible-endpoints.ts';

export type OperationsContext = { readonly store: Store };

const LIMIT = { minimum: 1, maximum: 1_000, default: 100 };

const listOf = (name: string, items: object) => ({
  type: 'object',
  properties: { [name]: { type: 'array', items } },
});

/** Workers, supervisors and the audit. A limited key sees what belongs to its endpoints. */
export const operationRoutes = ({ store }: OperationsContext): Route[] => [
  {
    method: 'GET',
    path: '/v1/workers',
    summary: 'The workers of the last hour and the jobs that they run.',
    access: 'key',
    scope: 'admin',
    query: [ENDPOINT_PARAMETER],
    success: { status: 200, schema: listOf('workers', WorkerInfoSchema) },
    errors: ['endpoint.not_found'],
    answer: async (call) => {
      const endpoints = await visibleEndpoints(store, call);
      return json({ workers: await listWorkers(store, idsOf(endpoints)) });
    },
  },
  {
    method: 'GET',
    path: '/v1/supervisors',
    summary: 'The supervisors of the last hour.',
    access: 'key',
    scope: 'admin',
    success: { status: 200, schema: listOf('supervisors', SupervisorInfoSchema) },
    answer: async ({ principal }) => {
      const endpoints = principal.endpoints === null ? null : [...principal.endpoints];
      return json({ supervisors: await listSupervisors(store, endpoints) });
    },
  },
  {
    method: 'GET',
    path: '/v1/audit',
    summary: 'Who changed endpoints and keys, newest first.',
    access: 'key',
    scope: 'admin',
    query: [
      { name: 'cursor', schema: { type: 'string' }, description: "The former page's cursor." },
      { name: 'limit', schema: { type: 'integer', ...LIMIT }, description: 'Entries at most.' },
    ],
    success: { status: 200, schema: AuditPageSchema },
    answer: (call) => readAudit(store, call),
  },
];

const readAudit = async (store: Store, call: KeyCall) => {
  const limit = integerIn(call, 'limit', LIMIT, LIMIT.default);
  const { endpoints, keyId } = call.principal;
  const found = await listAudit(store, {
    before: placeIn(call),
    limit: limit + 1,
    limitedTo: endpoints === null ? null : { endpoints: [...endpoints], keyId },
  });
  const entries = found.slice(0, limit);
  const last = found.length > limit ? entries.at(-1) : undefined;
  return json({ entries, cursor: last === undefined ? null : String(last.id) });
};

const placeIn = (call: Call): number | null => {
  const text = call.query.cursor;
  if (text === undefined) return null;
  if (typeof text === 'string' && /^\d{1,15}$/.test(text)) return Number(text);
  throw refuse('request.invalid', 'cursor must be the one that the former page gave.');
};
