import { type Case, NO_INTEGERS, namesOf } from './cases.ts';

const WEEK_MS = 604_800_000;
const DURATIONS = {
  ttl: { least: 10_000, bound: '10000' },
  executionTimeout: { least: 5_001, bound: '5000' },
} as const;

/** The line of a submission whose jobs nobody takes. */
type Line = string;

const withPolicy = (policy: string): string => `{"input":1,"policy":${policy}}`;

const good = (line: Line, field: string, value: string): Case => ({
  name: `policy.${field} ${value}`,
  line,
  body: withPolicy(`{"${field}":${value}}`),
  status: [200],
});

const bad = (line: Line, field: string, value: string, bounds: readonly string[]): Case => ({
  ...good(line, field, value),
  status: [400],
  says: [field, namesOf(value), ...bounds],
});

/** ttl and executionTimeout. */
export const durationCases = (line: Line): Case[] =>
  Object.entries(DURATIONS).flatMap(([field, { least, bound }]) => [
    ...[least, least + 1, WEEK_MS - 1, WEEK_MS].map((ms) => good(line, field, String(ms))),
    ...[0, 1, least - 1].map((ms) => bad(line, field, String(ms), [bound])),
    ...[WEEK_MS + 1, 2 ** 31, 2 ** 32, 2 ** 53].map((ms) =>
      bad(line, field, String(ms), [String(WEEK_MS)]),
    ),
    ...[...NO_INTEGERS, 'null'].map((value) => bad(line, field, value, [bound])),
  ]);

/** lowPriority. */
export const priorityCases = (line: Line): Case[] => [
  ...['true', 'false'].map((value) => good(line, 'lowPriority', value)),
  ...['null', '0', '1', '"true"', '""', '[]', '{}', '1e400'].map((value) =>
    bad(line, 'lowPriority', value, ['boolean']),
  ),
];

/** `policy` itself, and what it holds that is not known. */
export const policyCases = (line: Line): Case[] => [
  ...['"text"', 'null', 'true', '5', '[]', '[{"ttl":10000}]', '1e400'].map((value) => ({
    name: `policy ${value}`,
    line,
    body: withPolicy(value),
    status: [400],
    says: ['policy', 'object', namesOf(value)],
  })),
  ...[
    '{}',
    '{"other":1}',
    '{"TTL":-1,"timeout":"no","priority":[]}',
    '{"__proto__":{"ttl":-1}}',
    '{"constructor":{"prototype":{"ttl":-1}}}',
  ].map((value) => ({
    name: `policy ${value}`,
    line,
    body: withPolicy(value),
    status: [200],
  })),
];
