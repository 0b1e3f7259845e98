import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';

export type Validated<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly detail: string };

/**
 * Compiles `schema` into a check. A failure is one sentence that names the field, the bound that it
 * broke, and the value; `where` stands before the field (`policy` gives `policy.ttl`).
 */
export const validator = <Schema extends TSchema>(schema: Schema, where = '') => {
  const compiled = Compile(schema);
  return (value: unknown): Validated<Static<Schema>> => {
    if (compiled.Check(value)) return { ok: true, value: value as Static<Schema> };
    for (const failure of compiled.Errors(value)) {
      const detail = describe(failure, schema, value, where);
      if (detail !== undefined) return { ok: false, detail };
    }
    return { ok: false, detail: `${where || 'The body'} is not valid.` };
  };
};

type Failure = {
  keyword: string;
  schemaPath: string;
  instancePath: string;
  params: object;
};

const describe = (
  failure: Failure & { message: string },
  schema: unknown,
  root: unknown,
  where: string,
): string | undefined => {
  const path = failure.instancePath.split('/').slice(1).map(unescapePointer);
  const field = [where, ...path].filter((part) => part !== '').join('.') || 'The body';
  const got = show(path.reduce(step, root));
  const place = failure.schemaPath.split('/').slice(1).map(unescapePointer);
  const rule = place.reduce(step, schema);
  // Where a value may be of several types, the choice as a whole says it better than one of them.
  if (failure.keyword === 'type' && isOneOfSeveral(place, schema)) return undefined;
  switch (failure.keyword) {
    // A value of the wrong type and one out of bounds get the same sentence: it says both.
    case 'type':
    case 'minimum':
    case 'maximum':
    case 'exclusiveMinimum':
    case 'exclusiveMaximum':
      return `${field} must be ${expected(rule)}; got ${got}.`;
    case 'required':
      return `${field} lacks ${list(step(failure.params, 'requiredProperties'))}.`;
    case 'additionalProperties':
      return `${field} has an unknown field ${list(step(failure.params, 'additionalProperties'))}.`;
    case 'enum':
      return `${field} must be one of ${list(step(failure.params, 'allowedValues'))}; got ${got}.`;
    case 'anyOf':
      return `${field} must be ${expected(rule)}; got ${got}.`;
    // These only say again what another failure of the same value says better.
    case 'boolean':
    case 'const':
      return undefined;
    default:
      return `${field} ${failure.message}; got ${got}.`;
  }
};

const isOneOfSeveral = (place: readonly string[], schema: unknown): boolean => {
  if (place.at(-2) !== 'anyOf') return false;
  const options = place.slice(0, -1).reduce(step, schema);
  if (!Array.isArray(options)) return false;
  return options.filter((option) => step(option, 'type') !== 'null').length > 1;
};

/** What a schema asks for, in words: type and bounds. */
const expected = (rule: unknown): string => {
  const options = step(rule, 'anyOf');
  if (Array.isArray(options)) return options.map(expected).join(' or ');
  const type = String(step(rule, 'type') ?? 'another value');
  const bounds = BOUNDS.flatMap(([keyword, sign]) => {
    const limit = step(rule, keyword);
    return typeof limit === 'number' ? [`${sign} ${limit}`] : [];
  });
  const noun = type === 'null' ? type : /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`;
  return [noun, bounds.join(' and ')].filter((part) => part !== '').join(' ');
};

const BOUNDS = [
  ['exclusiveMinimum', '>'],
  ['minimum', '>='],
  ['exclusiveMaximum', '<'],
  ['maximum', '<='],
] as const;

const unescapePointer = (part: string): string => part.replaceAll('~1', '/').replaceAll('~0', '~');

const step = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? Reflect.get(value, key)
    : undefined;

const list = (names: unknown): string =>
  Array.isArray(names) ? names.map((name) => JSON.stringify(name)).join(', ') : String(names);

/** The value for a sentence: short, on one line, and never the whole of something large. */
const show = (value: unknown): string => {
  if (typeof value === 'number') return String(value);
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
};
