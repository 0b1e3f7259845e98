/**
 * Exceptions to the tidy test, each with the measure that it had. An entry goes when its cause
 * does, and its number only falls: the test fails when the entry allows more than is there.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';

/** How many exceptions there may be. Lower it as they leave; it never rises. */
export const EXCEPTIONS_MAX = 0;

export const RATCHETS = ['files', 'functions', 'undocumented', 'names'] as const;
type Ratchet = (typeof RATCHETS)[number];
export type Exceptions = Readonly<Record<string, number>>;

const isExceptions = (value: unknown): value is Exceptions =>
  typeof value === 'object' &&
  value !== null &&
  Object.values(value).every((measure) => typeof measure === 'number');

/** The exceptions of one rule: what is excepted, and how far. */
export const exceptionsTo = (ratchet: Ratchet): Exceptions => {
  const file = path.join(import.meta.dirname, 'ratchet.json');
  const lists: Record<string, unknown> = JSON.parse(readFileSync(file, 'utf8'));
  const exceptions = lists[ratchet];
  assert(isExceptions(exceptions), `ratchet.json: ${ratchet} maps names to numbers`);
  return exceptions;
};

/** What in `measured` is not allowed: over its exception, or excepted further than it needs. */
export const ratchetFaults = (measured: Exceptions, exceptions: Exceptions): string[] => [
  ...Object.entries(measured)
    .filter(([name, measure]) => measure > (exceptions[name] ?? 0))
    .map(([name, measure]) => `${name}: ${measure}`),
  ...Object.entries(exceptions)
    .filter(([name, measure]) => (measured[name] ?? 0) < measure)
    .map(([name]) => `${name}: lower its entry in ratchet.json to ${measured[name] ?? 'nothing'}`),
];
