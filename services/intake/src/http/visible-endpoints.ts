import { type Endpoint, type EndpointId, parseEndpointId } from '@switchyard/contracts';
import { listEndpoints, mayUse, type Store } from '@switchyard/store';
import { noSuchEndpoint } from '../resolve-endpoint.ts';
import type { KeyCall } from './route.ts';

export const ENDPOINT_PARAMETER = {
  name: 'endpoint',
  schema: { type: 'string' },
  description: 'Only of this endpoint; else of all that the key may use.',
};

/**
 * The endpoints that a call is about: the one that it names, else every one that its key may use.
 * @throws Refusal `endpoint.not_found` for one that is not there or that the key may not use.
 */
export const visibleEndpoints = async (store: Store, call: KeyCall): Promise<Endpoint[]> => {
  const name = call.query.endpoint;
  const all = await listEndpoints(store);
  const visible = all.filter(({ id }) => mayUse(call.principal, id as EndpointId));
  if (name === undefined) return visible;
  const named = visible.filter(({ id }) => id === name);
  if (named.length === 0) throw noSuchEndpoint();
  return named;
};

/** The ids of endpoints that the database has. */
export const idsOf = (endpoints: readonly Endpoint[]): EndpointId[] =>
  endpoints.flatMap(({ id }) => parseEndpointId(id) ?? []);
