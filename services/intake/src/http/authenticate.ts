import {
  type Endpoint,
  type EndpointId,
  parseEndpointId,
  refuse,
  type Scope,
} from '@switchyard/contracts';
import { type KeyRing, mayUse, type Principal } from '@switchyard/store';
import { type EndpointCache, noSuchEndpoint } from '../resolve-endpoint.ts';
import type { EndpointRoute, KeyRoute } from './route.ts';

type Context = { readonly keyRing: KeyRing; readonly endpoints: EndpointCache };

/** Who asks, by the Authorization header. @throws Refusal `auth.missing`, `auth.invalid`. */
const identify = async (keyRing: KeyRing, authorization: string | undefined) => {
  const check = await keyRing.check(authorization);
  if (!check.ok) throw refuse(check.problem.code, check.problem.detail);
  return check.principal;
};

/** Lets a call to a route without an endpoint in its path in. @throws Refusal. */
export const admitToRoute = async (
  { keyRing }: Context,
  route: KeyRoute,
  authorization: string | undefined,
): Promise<Principal> => {
  const principal = await identify(keyRing, authorization);
  requireScope(principal, route.scope);
  return principal;
};

export type Admitted = {
  readonly principal: Principal;
  readonly endpoint: Endpoint;
  readonly endpointId: EndpointId;
};

/**
 * Lets a call to an endpoint in. An endpoint that the key may not use does not exist for it: the
 * same answer, after the same look at the database, as for one that is not there.
 * @throws Refusal, StoreUnavailable.
 */
export const admitToEndpoint = async (
  { keyRing, endpoints }: Context,
  route: EndpointRoute,
  authorization: string | undefined,
  name: string,
): Promise<Admitted> => {
  const principal = await identify(keyRing, authorization);
  const endpointId = parseEndpointId(name);
  if (endpointId === undefined) {
    requireScope(principal, route.scope);
    throw noSuchEndpoint();
  }
  const endpoint = await endpoints.resolve(endpointId);
  if (!mayUse(principal, endpointId)) throw noSuchEndpoint();
  requireScope(principal, route.scope);
  if (endpoint === undefined) throw noSuchEndpoint();
  return { principal, endpoint, endpointId };
};

/**
 * As `admitToEndpoint`, without a wait, of a key and an endpoint that are known and go together;
 * undefined of all others, whose answer `admitToEndpoint` has.
 */
export const admitAtOnce = (
  { keyRing, endpoints }: Context,
  route: EndpointRoute,
  authorization: string | undefined,
  name: string,
): Admitted | undefined => {
  const check = keyRing.known(authorization);
  const endpointId = parseEndpointId(name);
  if (!check?.ok || endpointId === undefined) return undefined;
  const endpoint = endpoints.known(endpointId);
  const { principal } = check;
  if (endpoint === undefined || !mayUse(principal, endpointId)) return undefined;
  return hasScope(principal, route.scope) ? { principal, endpoint, endpointId } : undefined;
};

/** `admin` opens what `submit` and `read` open; `worker` opens nothing here. */
const hasScope = ({ scopes }: Principal, scope: Scope): boolean =>
  scopes.has(scope) || (scope !== 'worker' && scopes.has('admin'));

const requireScope = (principal: Principal, scope: Scope): void => {
  if (hasScope(principal, scope)) return;
  throw refuse('auth.scope', `This needs a key with the scope "${scope}".`);
};
