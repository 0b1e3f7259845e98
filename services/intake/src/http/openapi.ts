import { ERRORS, type ErrorCode, ProblemSchema } from '@switchyard/contracts';
import { describeBroker } from './asyncapi.ts';
import { json, type Route } from './route.ts';

/** `/openapi.json`, `/asyncapi.json` and `/docs`, made from what the server itself is made from. */
export const describingRoutes = (described: readonly Route[]): Route[] => {
  const own: Route[] = [
    {
      method: 'GET',
      path: '/openapi.json',
      summary: 'This API as an OpenAPI document.',
      access: 'open',
      success: { status: 200 },
      answer: async () => json(describeApi(all)),
    },
    {
      method: 'GET',
      path: '/asyncapi.json',
      summary: 'What goes over the broker, as an AsyncAPI document.',
      access: 'open',
      success: { status: 200 },
      answer: async () => json(describeBroker()),
    },
    {
      method: 'GET',
      path: '/docs',
      summary: 'This API as a page.',
      access: 'open',
      success: { status: 200, type: 'text/html' },
      answer: async () => ({
        contentType: 'text/html; charset=utf-8',
        headers: {
          'content-security-policy': "default-src 'none'",
          'x-content-type-options': 'nosniff',
        },
        body: printPage(all),
      }),
    },
  ];
  const all = [...described, ...own];
  return own;
};

const KEY_ERRORS: readonly ErrorCode[] = [
  'request.invalid',
  'auth.missing',
  'auth.invalid',
  'auth.scope',
];
const EVERYWHERE: readonly ErrorCode[] = [
  'store.unavailable',
  'service.overloaded',
  'service.stopping',
];

const errorsOf = (route: Route): readonly ErrorCode[] => [
  ...(route.access === 'open' ? [] : [...KEY_ERRORS, ...EVERYWHERE]),
  ...(route.access === 'endpoint' ? (['endpoint.not_found'] as const) : []),
  ...(route.errors ?? []),
];

const openPath = (route: Route): string => route.path.replaceAll(/:(\w+)/g, '{$1}');

const parametersOf = (route: Route) => [
  ...[...route.path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  })),
  ...(route.query ?? []).map((parameter) => ({ ...parameter, in: 'query' })),
  ...(route.headers ?? []).map((parameter) => ({ ...parameter, in: 'header' })),
];

const responsesOf = (route: Route) => {
  const { status, schema = {}, type = 'application/json' } = route.success;
  const byStatus = Map.groupBy(errorsOf(route), (code) => ERRORS[code].status);
  const problems = [...byStatus].map(([of, codes]) => [
    String(of),
    {
      description: codes.map((code) => `${code}: ${ERRORS[code].title}.`).join(' '),
      content: { 'application/problem+json': { schema: ProblemSchema } },
    },
  ]);
  const content = status === 204 ? {} : { content: { [type]: { schema } } };
  return { [status]: { description: 'Done.', ...content }, ...Object.fromEntries(problems) };
};

const operationOf = (route: Route) => ({
  summary: route.summary,
  parameters: parametersOf(route),
  ...(route.body === undefined
    ? {}
    : {
        requestBody: {
          content: { [route.body.type ?? 'application/json']: { schema: route.body.schema } },
        },
      }),
  responses: responsesOf(route),
  ...(route.access === 'open'
    ? { security: [] }
    : { security: [{ key: [] }], 'x-switchyard-scope': route.scope }),
});

const describeApi = (routes: readonly Route[]) => {
  const byPath = Map.groupBy(routes, openPath);
  const paths = [...byPath].map(([path, at]) => [
    path,
    Object.fromEntries(at.map((route) => [route.method.toLowerCase(), operationOf(route)])),
  ]);
  return {
    openapi: '3.1.0',
    info: { title: 'Switchyard', version: '1' },
    components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
    paths: Object.fromEntries(paths),
  };
};

const printPage = (routes: readonly Route[]): string => {
  const rows = routes.map(
    (route) =>
      `<tr><td><code>${route.method} ${escapeHtml(openPath(route))}</code></td>` +
      `<td>${route.access === 'open' ? 'no key' : route.scope}</td>` +
      `<td>${escapeHtml(route.summary)}</td></tr>`,
  );
  return [
    '<!doctype html><html lang="en">',
    '<head><meta charset="utf-8"><title>Switchyard API</title></head>',
    '<body><h1>Switchyard API</h1>',
    '<p>Send a key as <code>Authorization: Bearer KEY</code>. Schemas and errors are in ',
    '<a href="/openapi.json">openapi.json</a>; what goes over the broker is in ',
    '<a href="/asyncapi.json">asyncapi.json</a>.</p>',
    '<table><thead><tr><th>Route</th><th>Scope</th><th>What it does</th></tr></thead>',
    `<tbody>${rows.join('\n')}</tbody></table></body></html>`,
  ].join('\n');
};

const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
