import {
  CreateEndpointSchema,
  type Endpoint,
  type EndpointId,
  EndpointSchema,
  EndpointSettingsSchema,
  parseEndpointId,
  refuse,
  validator,
} from '@switchyard/contracts';
import { resolveSettings } from '@switchyard/lifecycle';
import { makeWebhookSecret, type Sealer } from '@switchyard/runtime';
import {
  addWebhookSecret,
  createEndpoint,
  deleteEndpoint,
  emptyDeletedEndpoint,
  listEndpoints,
  mayUse,
  type Principal,
  pauseEndpoint,
  type Store,
  StoreUnavailable,
  updateEndpoint,
  writeAudit,
} from '@switchyard/store';
import { type EndpointCache, noSuchEndpoint } from '../resolve-endpoint.ts';
import type { Changes } from '../tell-changes.ts';
import { jsonIn } from './parameters.ts';
import {
  type EndpointCall,
  json,
  type KeyCall,
  MANAGEMENT_BODY_MAX_BYTES,
  type Route,
} from './route.ts';

export type EndpointsContext = {
  readonly store: Store;
  readonly sealer: Sealer;
  readonly endpoints: EndpointCache;
  readonly changes: Changes;
};

const checkCreate = validator(CreateEndpointSchema);
const checkChange = validator(EndpointSettingsSchema);
const maxBytes = MANAGEMENT_BODY_MAX_BYTES;
/** For how long whoever deletes an endpoint waits for its history to go, in ms. */
const EMPTY_WITHIN_MS = 1_000;

/** The endpoints of `/v1`. A limited key sees and makes only those that it is limited to. */
export const endpointRoutes = (context: EndpointsContext): Route[] => [
  {
    method: 'POST',
    path: '/v1/endpoints',
    summary:
      'Make an endpoint; not while the history of a former one of its id is still being deleted.',
    access: 'key',
    scope: 'admin',
    body: { schema: CreateEndpointSchema, maxBytes },
    success: { status: 201, schema: EndpointSchema },
    errors: ['endpoint.exists', 'endpoint.busy'],
    answer: (call) => create(context, call),
  },
  {
    method: 'GET',
    path: '/v1/endpoints',
    summary: 'Every endpoint that the key may use.',
    access: 'key',
    scope: 'admin',
    success: {
      status: 200,
      schema: {
        type: 'object',
        properties: { endpoints: { type: 'array', items: EndpointSchema } },
      },
    },
    answer: async ({ principal }) => {
      const all = await listEndpoints(context.store);
      return json({ endpoints: all.filter(({ id }) => mayUse(principal, id as EndpointId)) });
    },
  },
  {
    method: 'GET',
    path: '/v1/endpoints/:endpoint',
    summary: 'An endpoint with every setting resolved.',
    access: 'endpoint',
    scope: 'admin',
    success: { status: 200, schema: EndpointSchema },
    answer: async ({ endpoint }) => json(endpoint),
  },
  {
    method: 'PATCH',
    path: '/v1/endpoints/:endpoint',
    summary: 'Change settings of an endpoint; what is not named stays.',
    access: 'endpoint',
    scope: 'admin',
    body: { schema: EndpointSettingsSchema, maxBytes },
    success: { status: 200, schema: EndpointSchema },
    answer: (call) => change(context, call),
  },
  ...ownerRoutes(context),
];

const ownerRoutes = (context: EndpointsContext): Route[] => [
  {
    method: 'POST',
    path: '/v1/endpoints/:endpoint/pause',
    summary: 'Start no more jobs of an endpoint; it goes on taking them, and running ones go on.',
    access: 'endpoint',
    scope: 'admin',
    body: { schema: { type: 'object' }, maxBytes },
    success: { status: 200, schema: EndpointSchema },
    answer: (call) => setPaused(context, call, true),
  },
  {
    method: 'POST',
    path: '/v1/endpoints/:endpoint/resume',
    summary: 'Start jobs of a paused endpoint again.',
    access: 'endpoint',
    scope: 'admin',
    body: { schema: { type: 'object' }, maxBytes },
    success: { status: 200, schema: EndpointSchema },
    answer: (call) => setPaused(context, call, false),
  },
  {
    method: 'DELETE',
    path: '/v1/endpoints/:endpoint',
    summary:
      'Delete an endpoint that has no unfinished jobs. It is gone at once; a long history of it ' +
      'is deleted afterwards.',
    access: 'endpoint',
    scope: 'admin',
    success: { status: 204 },
    errors: ['endpoint.busy'],
    answer: (call) => remove(context, call),
  },
  {
    method: 'POST',
    path: '/v1/endpoints/:endpoint/webhook-secret',
    summary: 'A new secret that signs webhooks, shown this once; the former one signs too.',
    access: 'endpoint',
    scope: 'admin',
    body: { schema: { type: 'object' }, maxBytes },
    success: {
      status: 201,
      schema: { type: 'object', properties: { secret: { type: 'string' } } },
    },
    answer: (call) => makeSecret(context, call),
  },
];

const create = async (context: EndpointsContext, call: KeyCall) => {
  const checked = checkCreate(jsonIn(call));
  if (!checked.ok) throw refuse('request.invalid', checked.detail);
  const { id: name, ...settings } = checked.value;
  const id = parseEndpointId(name);
  if (id === undefined) throw new TypeError('the schema lets a malformed endpoint id through');
  if (!mayUse(call.principal, id)) {
    throw refuse('auth.scope', 'This key is limited to other endpoints.');
  }
  const endpoint = await createEndpoint(context.store, id, resolveSettings(id, settings));
  if (endpoint === 'exists') {
    throw refuse('endpoint.exists', `There is an endpoint "${id}" already.`);
  }
  if (endpoint === 'emptying') {
    throw refuse(
      'endpoint.busy',
      `The history of the former endpoint "${id}" is still being deleted; try again soon.`,
      { retryAfterSeconds: 1 },
    );
  }
  await noteChange(context, call.principal, 'endpoint.create', id);
  return json(endpoint, 201);
};

const change = async (context: EndpointsContext, call: EndpointCall) => {
  const checked = checkChange(jsonIn(call));
  if (!checked.ok) throw refuse('request.invalid', checked.detail);
  const id = call.endpointId;
  const merge = (current: Endpoint) => resolveSettings(id, checked.value, current);
  const endpoint = await updateEndpoint(context.store, id, merge);
  if (endpoint === undefined) throw noSuchEndpoint();
  await noteChange(context, call.principal, 'endpoint.change', id);
  return json(endpoint);
};

const setPaused = async (context: EndpointsContext, call: EndpointCall, paused: boolean) => {
  const id = call.endpointId;
  const endpoint = await pauseEndpoint(context.store, id, paused);
  if (endpoint === undefined) throw noSuchEndpoint();
  await noteChange(context, call.principal, paused ? 'endpoint.pause' : 'endpoint.resume', id);
  if (!paused) context.changes.queued(id, 1);
  return json(endpoint);
};

const remove = async (context: EndpointsContext, { endpointId, principal }: EndpointCall) => {
  const outcome = await deleteEndpoint(context.store, endpointId);
  switch (outcome) {
    case 'busy':
      throw refuse(
        'endpoint.busy',
        'The endpoint has unfinished jobs; purge or cancel them first.',
      );
    case 'missing':
      throw noSuchEndpoint();
    case 'deleted':
      await noteChange(context, principal, 'endpoint.delete', endpointId);
      await emptyForAWhile(context.store, endpointId);
      return { status: 204, body: '' };
    default:
      return outcome satisfies never;
  }
};

/** Most endpoints are empty by then, so that their ids are free; a scheduler does the rest. */
const emptyForAWhile = async (store: Store, endpointId: EndpointId): Promise<void> => {
  const untilMs = performance.now() + EMPTY_WITHIN_MS;
  try {
    for await (const _rows of emptyDeletedEndpoint(store, endpointId)) {
      if (performance.now() > untilMs) return;
    }
  } catch (error) {
    // The endpoint is gone, which is what was asked for.
    if (!(error instanceof StoreUnavailable)) throw error;
  }
};

const makeSecret = async (context: EndpointsContext, { endpointId, principal }: EndpointCall) => {
  const { secret, sealed } = makeWebhookSecret(context.sealer, endpointId);
  if (!(await addWebhookSecret(context.store, endpointId, sealed))) throw noSuchEndpoint();
  await noteChange(context, principal, 'endpoint.webhook_secret', endpointId);
  return json({ secret }, 201);
};

const noteChange = async (
  { store, endpoints, changes }: EndpointsContext,
  { keyId }: Principal,
  action: string,
  id: EndpointId,
): Promise<void> => {
  endpoints.forget(id);
  changes.reconfigured({ endpoint: id });
  await writeAudit(store, { keyId, action, target: id });
};
