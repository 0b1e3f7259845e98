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

const DAY_MS = 86_400_000;
const inDays = (days: number): Date => new Date(Date.now() + days * DAY_MS);
/** The bounds that a sentence about a start may name: its form, or how far ahead. */
const FORM = 'ISO 8601';
const AHEAD = '2592000000';

/** startAfter. */
export const startCases = (line: Line): Case[] => [
  ...[
    ...['0', '1', String(Date.now()), String(inDays(29.9).getTime())],
    ...['"1969-07-20T20:17:40Z"', '"2024-02-29T23:59:59.999999999-11:30"'],
    ...['"2024-02-29t00:00:00z"', '"2024-02-29"', '"2024-02-29T08"', JSON.stringify(inDays(29.9))],
    ...['"2024-02-29T08:00Z"', '"2024-02-29T08:00:00+0100"', '"20240229T080000"'],
  ].map((value) => good(line, 'startAfter', value)),
  ...[
    ...['"now"', '""', '"2026-12"', '"20261201"', '"2026-W49-2"', '"2026-12-01 08:00:00Z"'],
    ...['"2026-02-30T08:00:00Z"', '"2026-12-01T24:00:00Z"', '"2026-12-01T08:00:00+24:00"'],
    ...['"1767225600000"', '"2026-12-01T08:00:00Z\\n"'],
  ].map((value) => bad(line, 'startAfter', value, [FORM])),
  ...[String(inDays(30.1).getTime()), '8640000000000000', JSON.stringify(inDays(30.1))].map(
    (value) => bad(line, 'startAfter', value, [AHEAD]),
  ),
  bad(line, 'startAfter', '"9999-12-31T23:59:59Z"', [AHEAD]),
  ...['-1', '1.5', '8640000000000001', '1e400', 'null', 'true', '[]', '{}'].map((value) =>
    bad(line, 'startAfter', value, ['8640000000000000']),
  ),
];

/** lowPriority. */
export const priorityCases = (line: Line): Case[] => [
  ...['true', 'false'].map((value) => good(line, 'lowPriority', value)),
  ...['null', '0', '1', '"true"', '""', '[]', '{}', '1e400'].map((value) =>
    bad(line, 'lowPriority', value, ['boolean']),
  ),
];

/** `policy` itself, and what it holds that is not known. */
export const policyCases = (line: Line): Case[] => [
  ...['"text"', 'true', '5', '[]', '[{"ttl":10000}]', '1e400'].map((value) => ({
    name: `policy ${value}`,
    line,
    body: withPolicy(value),
    status: [400],
    says: ['policy', 'object', namesOf(value)],
  })),
  ...[
    'null',
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
