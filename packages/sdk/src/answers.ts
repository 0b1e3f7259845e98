import type { Validated } from '@switchyard/contracts';
import { AnswerError } from './errors.ts';

const BYTES = new WeakMap<object, Buffer>();

/**
 * The bytes that `answer` came in, for whoever needs `output` exactly: parsing rounds numbers that
 * a double cannot hold. Undefined for what is no whole answer of this library.
 */
export const bytesOf = (answer: object): Buffer | undefined => BYTES.get(answer);

export type Check<Value> = (value: unknown) => Validated<Value>;

/**
 * The answer in `bytes`, checked.
 * @throws AnswerError when it is not what the contract says.
 */
export const readAnswer = <Value extends object>(bytes: Buffer, check: Check<Value>): Value => {
  const checked = check(parse(bytes));
  if (!checked.ok) throw new AnswerError(`The answer is not Switchyard's: ${checked.detail}`);
  BYTES.set(checked.value, bytes);
  return checked.value;
};

const parse = (bytes: Buffer): unknown => {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new AnswerError("The answer is not Switchyard's: it is not JSON.", { cause });
  }
};

/** Checks `{[field]: [item, …]}` and gives the items. */
export const readList = <Item>(bytes: Buffer, field: string, check: Check<Item>): Item[] => {
  const listed = fieldOf(parse(bytes), field);
  if (!Array.isArray(listed)) {
    throw new AnswerError(`The answer is not Switchyard's: it has no list "${field}".`);
  }
  return listed.map((item: unknown) => {
    const checked = check(item);
    if (!checked.ok) throw new AnswerError(`The answer is not Switchyard's: ${checked.detail}`);
    return checked.value;
  });
};

/** The own property `field` of an object; undefined of anything else. */
export const fieldOf = (value: unknown, field: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, field)
    ? Reflect.get(value, field)
    : undefined;
