import { type Case, NO_INTEGERS, namesOf } from './cases.ts';

const YEAR_MS = 31_536_000_000;
const WEEK_MS = 604_800_000;

/** Whole numbers among the settings of an endpoint: where they stand and what they may be. */
const INTEGERS: Readonly<Record<string, readonly [least: number, most: number]>> = {
  'worker.concurrency': [1, 10_000],
  'worker.minimum': [0, 1_000],
  'worker.maximum': [0, 1_000],
  'worker.idleTimeoutMs': [0, YEAR_MS],
  'scaling.value': [1, 1_000_000],
  'defaults.executionTimeoutMs': [5_001, WEEK_MS],
  'defaults.ttlMs': [10_000, WEEK_MS],
  'limits.maxQueued': [1, 1_000_000_000],
  'limits.maxConcurrent': [1, 1_000_000],
  'limits.maxAttempts': [1, 100],
  escalateAfterMs: [1_000, WEEK_MS],
  retentionMs: [1_000, YEAR_MS],
};
const NULLABLE = new Set(['limits.maxQueued', 'limits.maxConcurrent']);

/** The settings that hold `value` at `path`; a worker needs its template, which nobody has. */
const settingsWith = (path: string, value: string): string => {
  const [group = '', field] = path.split('.');
  if (field === undefined) return `{"${group}":${value}}`;
  const template = group === 'worker' ? '"template":"nobody-has-it",' : '';
  return `{"${group}":{${template}"${field}":${value}}}`;
};

/** `patch` changes the endpoint `patched`; `post` would make a new one. */
const bothWays = (patched: string, name: string, settings: string, rest: Partial<Case>): Case[] => {
  made += 1;
  const id = `made-${made}`;
  const post = settings === '{}' ? `{"id":"${id}"}` : `{"id":"${id}",${settings.slice(1)}`;
  const good = rest.status === undefined;
  return [
    {
      name: `PATCH ${name}`,
      line: `PATCH /v1/endpoints/${patched}`,
      body: settings,
      ...rest,
      status: good ? [200] : [400],
    },
    {
      name: `POST ${name}`,
      line: 'POST /v1/endpoints',
      body: post,
      ...rest,
      status: good ? [201] : [400],
    },
  ];
};
let made = 0;

/** Every whole number of an endpoint's settings. */
export const integerCases = (patched: string): Case[] =>
  Object.entries(INTEGERS).flatMap(([path, [least, most]]) => {
    const field = path.split('.').at(-1) ?? path;
    const at = (value: string, rest: Partial<Case>) =>
      bothWays(patched, `${path} ${value}`, settingsWith(path, value), rest);
    const wrong = [...NO_INTEGERS, ...(NULLABLE.has(path) ? [] : ['null'])];
    const isWrong = (value: string) => ({ status: [400], says: [field, namesOf(value)] });
    return [
      ...[least, most].flatMap((value) => at(String(value), {})),
      ...(NULLABLE.has(path) ? at('null', {}) : []),
      ...[least - 1, most + 1, 2 ** 53].flatMap((value) =>
        at(String(value), {
          status: [400],
          says: [
            field,
            String(value),
            value < least ? [String(least), String(least - 1)] : String(most),
          ],
        }),
      ),
      ...wrong.flatMap((value) => at(value, isWrong(value))),
    ];
  });

/** Names, rules, groups, ids and fields that do not exist. */
export const otherSettingsCases = (patched: string): Case[] => {
  const good = (settings: string) => bothWays(patched, settings.slice(0, 60), settings, {});
  const bad = (settings: string, says: Case['says'] = []) =>
    bothWays(patched, settings.slice(0, 60), settings, { status: [400], says });
  const withId = (id: string, status: number): Case => ({
    name: `id ${id}`.slice(0, 80),
    line: 'POST /v1/endpoints',
    body: `{"id":${id}}`,
    status: [status],
  });
  const groups = ['worker', 'scaling', 'defaults', 'limits'];
  return [
    ...['{}', '{"worker":null}', '{"name":"x"}', `{"name":"${'n'.repeat(200)}"}`].flatMap(good),
    ...['QUEUE_DELAY', 'REQUEST_COUNT'].flatMap((rule) => good(`{"scaling":{"rule":"${rule}"}}`)),
    ...['""', `"${'n'.repeat(201)}"`, 'null', '5', 'true', '[]', '{}', '"\\u0000"', '"\\ud800"']
      .map((name) => `{"name":${name}}`)
      .flatMap((settings) => bad(settings)),
    ...['"queue_delay"', '""', 'null', '5', '[]']
      .map((rule) => `{"scaling":{"rule":${rule}}}`)
      .flatMap((settings) => bad(settings, ['rule'])),
    ...groups.flatMap((group) =>
      ['"text"', '5', 'true', '[]', '{"other":1}'].flatMap((value) =>
        bad(`{"${group}":${value}}`, [group]),
      ),
    ),
    ...['{"worker":{}}', '{"worker":{"template":""}}', '{"worker":{"template":"../x"}}'].flatMap(
      (settings) => bad(settings, ['template']),
    ),
    ...['{"other":1}', '{"paused":true}', '{"__proto__":{"name":"x"}}'].flatMap((settings) =>
      bad(settings),
    ),
    ...['"a"', `"${'e'.repeat(64)}"`, '"0-9"'].map((id) => withId(id, 201)),
    ...['""', `"${'e'.repeat(65)}"`, '"A"', '"a.b"', '"a b"', '"*"', '">"', '"#"', '"a/b"'].map(
      (id) => withId(id, 400),
    ),
    ...['"\\u0000"', '"\u00e9"', 'null', '5', '[]', '{}', '"a\\n"'].map((id) => withId(id, 400)),
    ...['[]', '"text"', 'null', '5', '', '{', '{"name":"x"}'].map((body) => ({
      name: `POST ${body}`,
      line: 'POST /v1/endpoints',
      body,
      status: [400],
    })),
  ];
};
