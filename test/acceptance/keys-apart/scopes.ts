import { type Call, callsTo } from '../support/call-http.ts';
import type { Cell, Checks } from '../support/checks.ts';
import { makeKey } from '../support/setup-calls.ts';
import { type Ids, lineOf, opens, type Route, SCOPES } from './routes.ts';

export type ScopesContext = {
  readonly checks: Checks;
  readonly root: Call;
  readonly apiUrl: string;
  readonly routes: readonly Route[];
  /** An endpoint that is there, and ids that name nothing, so that little is changed. */
  readonly ids: Ids;
};

const UNAUTHORIZED = 401;
const FORBIDDEN = 403;

/** Deleting would take the endpoint away from the rest of the matrix. */
const DELETES = 'DELETE /v1/endpoints/{endpoint}';

/** Every route with a key of each one scope: let in where the table says so, else 403. */
export const checkScopes = async (context: ScopesContext): Promise<void> => {
  const { checks, root, apiUrl, routes, ids } = context;
  for (const scope of SCOPES) {
    const { key } = await makeKey(root, { scopes: [scope], endpoints: [ids.endpoint] });
    const call = callsTo(apiUrl, key);
    const cells: Cell[] = [];
    for (const route of routes) {
      const isOpen = opens(scope, route);
      if (isOpen && route.name === DELETES) continue;
      cells.push({ name: route.name, fault: await tryRoute(call, route, ids, isOpen) });
    }
    checks.table(`a key with the scope ${scope} on every route`, cells);
  }
};

const tryRoute = async (
  call: Call,
  route: Route,
  ids: Ids,
  isOpen: boolean,
): Promise<string | undefined> => {
  const line = lineOf(route, ids);
  const takesBody = /^(POST|PATCH)/.test(line);
  const { status, json, text } = await call(line, takesBody ? { body: { input: 1 } } : {});
  const isRefused = status === FORBIDDEN && json.code === 'auth.scope';
  const isRight = isOpen ? !isRefused && status !== UNAUTHORIZED : isRefused;
  return isRight ? undefined : `${status} ${text}`;
};

/** Every closed route with each of `keys`, which open nothing: 401. */
export const checkBadKeys = async (
  { checks, apiUrl, routes, ids }: ScopesContext,
  keys: Readonly<Record<string, string | null>>,
): Promise<void> => {
  const call = callsTo(apiUrl, '');
  const closed = routes.filter(({ told }) => told !== 'open');
  for (const [name, key] of Object.entries(keys)) {
    const cells = await Promise.all(
      closed.map(async (route) => {
        const { status, json } = await call(lineOf(route, ids), { key });
        const code = key === null ? 'auth.missing' : 'auth.invalid';
        const isRight = status === UNAUTHORIZED && json.code === code;
        return { name: route.name, fault: isRight ? undefined : `${status} ${json.code}` };
      }),
    );
    checks.table(`${name} on every closed route`, cells);
  }
};
