import type { Operation } from '../history.ts';
import { type Breach, type Given, tell, wasBroken } from './breach.ts';

/** So long after it was healed, what was broken may still be felt. */
const FELT_MS = 10_000;

/** Clients hear of no failure but one that passes, and only while something is broken. */
export const checkCalls = ({ history, logs }: Given): Breach[] => {
  const { operations, faults } = history;
  const failed = operations.filter(({ statusCode = 0 }) => statusCode >= 500);
  const odd = failed.filter(
    ({ statusCode, hasRetryAfter }) => statusCode !== 503 || !hasRetryAfter,
  );
  const sudden = failed.filter(
    ({ atMs, endedAtMs }) => !wasBroken(faults, atMs, endedAtMs, FELT_MS),
  );
  const cut = operations.filter(
    ({ outcome, statusCode, via, atMs, endedAtMs }) =>
      via === 'http' &&
      outcome === 'unknown' &&
      statusCode === undefined &&
      !wasBroken(faults, atMs, endedAtMs, FELT_MS),
  );
  const lines = logs
    .split('\n')
    .filter((line) => /unhandledRejection|uncaughtException|"level":"fatal"/.test(line));
  const name = ({ kind, statusCode, code }: Operation): string => `${kind} ${statusCode} ${code}`;
  return [
    ...tell('a failure of ours is a 503 with Retry-After', odd, name),
    ...tell('nothing fails while nothing is broken', sudden, name),
    ...tell('no request is left without an answer while nothing is broken', cut, name),
    ...tell('no process dies of what nobody caught', lines, (line) => line.slice(0, 300)),
  ];
};
