import { type Call, textIn } from '../support/call-http.ts';

export const SCOPES = ['submit', 'read', 'admin', 'worker'] as const;
export type Scope = (typeof SCOPES)[number];

/** What each route asks for. A route that is served but not written down here fails the program. */
const EXPECTED: Readonly<Record<string, Scope | 'open'>> = {
  'POST /v2/{endpoint}/run': 'submit',
  'POST /v2/{endpoint}/runsync': 'submit',
  'POST /v2/{endpoint}/cancel/{job}': 'submit',
  'POST /v2/{endpoint}/retry/{job}': 'submit',
  'POST /v2/{endpoint}/purge-queue': 'admin',
  'GET /v2/{endpoint}/status/{job}': 'read',
  'GET /v2/{endpoint}/status-sync/{job}': 'read',
  'GET /v2/{endpoint}/stream/{job}': 'read',
  'GET /v2/{endpoint}/health': 'read',
  'GET /v2/{endpoint}/requests': 'read',
  'POST /v1/endpoints': 'admin',
  'GET /v1/endpoints': 'admin',
  'GET /v1/endpoints/{endpoint}': 'admin',
  'PATCH /v1/endpoints/{endpoint}': 'admin',
  'DELETE /v1/endpoints/{endpoint}': 'admin',
  'POST /v1/endpoints/{endpoint}/webhook-secret': 'admin',
  'GET /v1/endpoints/{endpoint}/deliveries': 'admin',
  'POST /v1/keys': 'admin',
  'GET /v1/keys': 'admin',
  'GET /v1/keys/{key}': 'admin',
  'DELETE /v1/keys/{key}': 'admin',
  'POST /v1/keys/{key}/revoke': 'admin',
  'GET /healthz': 'open',
  'GET /readyz': 'open',
  'GET /metrics': 'open',
  'GET /openapi.json': 'open',
  'GET /asyncapi.json': 'open',
  'GET /docs': 'open',
};

/** One cell's row of the matrix. */
export type Route = {
  /** `POST /v2/{endpoint}/run`. */
  readonly name: string;
  /** What opens it by the table; undefined for a route that is not in the table. */
  readonly scope: Scope | 'open' | undefined;
  /** What the document says. */
  readonly told: string;
};

export type RouteTable = {
  readonly routes: readonly Route[];
  /** In the table but not served. */
  readonly missing: readonly string[];
  /** Served but not in the table, or with another scope. */
  readonly surprising: readonly string[];
};

/** The routes of `/openapi.json` against the table. */
export const readRoutes = async (call: Call): Promise<RouteTable> => {
  const answer = await call('GET /openapi.json');
  textIn(answer, 'openapi');
  const routes = Object.entries(Object(answer.json.paths)).flatMap(([path, at]) =>
    Object.entries(Object(at)).map(([method, operation]) => {
      const name = `${method.toUpperCase()} ${path}`;
      const told = String(Object(operation)['x-switchyard-scope'] ?? 'open');
      return { name, scope: EXPECTED[name], told };
    }),
  );
  const served = new Set(routes.map(({ name }) => name));
  return {
    routes,
    missing: Object.keys(EXPECTED).filter((name) => !served.has(name)),
    surprising: routes.filter(({ scope, told }) => scope !== told).map(({ name }) => name),
  };
};

/** Whether a key with this one scope is let in. */
export const opens = (scope: Scope, route: Route): boolean =>
  route.told === 'open' || scope === route.told || (scope === 'admin' && route.told !== 'worker');

export type Ids = { readonly endpoint: string; readonly job: string; readonly key: string };

/** The route with ids in its places, not to wait long. @throws Error for a place of a new kind. */
export const lineOf = (route: Route, ids: Ids): string =>
  route.name
    .replace(/-?sync(\/\{job\})?$/, '$&?wait=1000')
    .replaceAll(/\{(\w+)\}/g, (_whole, place: string) => {
      if (place === 'endpoint' || place === 'job' || place === 'key') return ids[place];
      throw new Error(`${route.name} has a place of a new kind`);
    });
