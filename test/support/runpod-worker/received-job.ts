import type { Answer } from './exchange.ts';
import { rawElements, rawMember } from './raw-json.ts';

export type ReceivedJob = {
  id: string;
  input: unknown;
  /** The bytes of `input`, and of the whole job, as they came. */
  rawInput: Buffer;
  raw: Buffer;
  keys: string[];
};

export type JsonObject = { readonly [key: string]: unknown };

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const toJob = (raw: Buffer, value: unknown): ReceivedJob => {
  if (!isObject(value)) throw new Error('a job that is not an object');
  if (typeof value.id !== 'string') throw new Error('a job without an id');
  const rawInput = rawMember(raw, 'input');
  if (rawInput === undefined) throw new Error(`job ${value.id} has no input`);
  return { id: value.id, input: value.input, rawInput, raw, keys: Object.keys(value) };
};

/**
 * The jobs in a poll's answer: an object or an array on either address, none when the answer is
 * empty or not JSON.
 * @throws Error when a job is malformed; the package then loses every job of the answer.
 */
export const jobsIn = (answer: Answer): ReceivedJob[] => {
  if (answer.body.length === 0 || !answer.contentType.includes('application/json')) return [];
  const value: unknown = JSON.parse(answer.body.toString('utf8'));
  if (!Array.isArray(value)) return [toJob(answer.body, value)];
  const raws = rawElements(answer.body);
  return value.map((element, index) => toJob(raws[index] ?? Buffer.alloc(0), element));
};
