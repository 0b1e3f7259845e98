import type { Case } from './cases.ts';

/** What no id is, as it stands in a path. */
const oddIds = (real: string): string[] => [
  ...['..', '../', '../../etc/passwd', '..%2f..', '%2e%2e', '%2e%2e%2f', '%252e%252e', '.', './'],
  ...[
    '%00',
    'a%00b',
    'x'.repeat(200),
    'x'.repeat(5_000),
    '%F0%9F%99%82',
    '\u00f0\u009f\u0099\u0082',
  ],
  ...[
    '%ff%fe',
    '%',
    '%zz',
    '%c0%ae',
    "'%3B%20DROP%20TABLE%20jobs%3B--",
    '$1',
    '*',
    '%3E',
    '~',
    '|',
  ],
  ...[
    'null',
    'undefined',
    '__proto__',
    'constructor',
    '-1',
    '0',
    '{job}',
    '%0d%0aX:%20y',
    ';',
    ':',
  ],
  ...[real.toUpperCase(), `${real}0`, real.slice(1), `sync-${real}`, `{${real}}`, `%20${real}`],
  ...[real.replaceAll('-', ''), `urn:uuid:${real}`, '00000000-0000-0000-0000-000000000000'],
  ...['ffffffff-ffff-7fff-bfff-ffffffffffff', '00000000-0000-4000-8000-000000000000'],
];

type Paths = Readonly<Record<string, object>>;

/** Every route with an id in its path, with every odd id in that place. */
export const oddIdCases = (paths: Paths, endpoint: string, job: string): Case[] => {
  const real: Readonly<Record<string, string>> = { endpoint, job, key: 'none' };
  return Object.entries(paths).flatMap(([path, at]) => {
    const places = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '');
    return Object.keys(at).flatMap((method) =>
      places.flatMap((place) =>
        oddIds(job).map((odd) => ({
          name: place,
          line: `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, (_whole, name: string) =>
            name === place ? odd : (real[name] ?? 'none'),
          )}`,
          ...(method === 'get' || method === 'delete' ? {} : { body: '{"input":1}' }),
          // An id of dots or with a slash may name a path that no route has, in another method.
          status: [400, 404, 405, 410],
        })),
      ),
    );
  });
};
