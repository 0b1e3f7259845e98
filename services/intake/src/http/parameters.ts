import {
  describeProblem,
  type JobId,
  MOMENT_FORM,
  momentMs,
  parseJobId,
  parseMetadata,
  refuse,
  scanValue,
} from '@switchyard/contracts';
import { noSuchJob } from '../read-status.ts';
import type { Call } from './route.ts';

/** The job id in the path. @throws Refusal `job.not_found`, as for one that is absent. */
export const jobIn = (call: Call): JobId => {
  const jobId = parseJobId(call.path.job ?? '');
  if (jobId === undefined) throw noSuchJob();
  return jobId;
};

type Bounds = { readonly minimum: number; readonly maximum: number };

/** An integer in the query, `fallback` where it is not given. @throws Refusal that names bounds. */
export const integerIn = <Fallback>(
  call: Call,
  name: string,
  { minimum, maximum }: Bounds,
  fallback: Fallback,
): number | Fallback => {
  const text = call.query[name];
  if (text === undefined) return fallback;
  const value = typeof text === 'string' && /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= minimum && value <= maximum) return value;
  throw refuse(
    'request.invalid',
    `${name} must be an integer from ${minimum} to ${maximum}; got ${shown(text)}.`,
  );
};

/** One of `allowed` in the query, or null. @throws Refusal that names them. */
export const choiceIn = <const Choice extends string>(
  call: Call,
  name: string,
  allowed: readonly Choice[],
): Choice | null => {
  const text = call.query[name];
  if (text === undefined) return null;
  const choice = allowed.find((one) => one === text);
  if (choice !== undefined) return choice;
  throw refuse(
    'request.invalid',
    `${name} must be one of ${allowed.join(', ')}; got ${shown(text)}.`,
  );
};

/** A moment in the query, ISO 8601 or ms since 1970, in ms; null where it is not given. */
export const momentIn = (call: Call, name: string): number | null => {
  const text = call.query[name];
  if (text === undefined) return null;
  const isText = typeof text === 'string';
  const given = isText ? (/^\d{1,14}$/.test(text) ? Number(text) : momentMs(text)) : undefined;
  if (given !== undefined && given >= 0) return given;
  throw refuse(
    'request.invalid',
    `${name} must be ${MOMENT_FORM}, or ms since 1970; got ${shown(text)}.`,
  );
};

/** What came, for a sentence: short and on one line. */
export const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
};

/** The body of a management call as a value. @throws Refusal `request.body_invalid`. */
export const jsonIn = (call: Call): unknown => {
  const scanned = scanValue(call.body);
  if (!scanned.ok) throw refuse('request.body_invalid', describeProblem(scanned.problem));
  const parsed = parseMetadata(call.body, scanned.span);
  if (!parsed.ok) throw refuse('request.body_invalid', `The body ${parsed.reason}.`);
  return parsed.value;
};
