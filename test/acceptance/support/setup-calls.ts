import { setTimeout as pause } from 'node:timers/promises';
import { type Answer, type Call, textIn } from './call-http.ts';

const TERMINAL = new Set(['COMPLETED', 'FAILED', 'CANCELLED', 'TIMED_OUT']);
const END_WAIT_MS = 30_000;
const LOOK_AGAIN_MS = 20;

export type KeyAsked = {
  readonly scopes: readonly string[];
  readonly endpoints?: readonly string[];
  readonly expiresAt?: string;
  readonly name?: string;
};

/** Makes an endpoint. @throws Error when the answer is not 201. */
export const makeEndpoint = async (call: Call, id: string, settings = {}): Promise<void> => {
  const made = await call('POST /v1/endpoints', { body: { id, ...settings } });
  if (made.status !== 201) throw new Error(`endpoint ${id}: ${made.status} ${made.text}`);
};

/** Makes a key. @throws Error when the answer is no key. */
export const makeKey = async (
  call: Call,
  asked: KeyAsked,
): Promise<{ id: string; key: string }> => {
  const made = await call('POST /v1/keys', { body: { name: 'acceptance', ...asked } });
  return { id: textIn(made, 'id'), key: textIn(made, 'key') };
};

/** Submits with `/run`. @returns the job's id. */
export const submit = async (
  call: Call,
  endpoint: string,
  body: Buffer | string | object,
): Promise<string> => textIn(await call(`POST /v2/${endpoint}/run`, { body }), 'id');

/** The first status of a job that is terminal. @throws Error when none comes in 30 s. */
export const endOf = async (call: Call, endpoint: string, job: string): Promise<Answer> => {
  const untilMs = performance.now() + END_WAIT_MS;
  for (;;) {
    const answer = await call(`GET /v2/${endpoint}/status/${job}`);
    if (TERMINAL.has(textIn(answer, 'status'))) return answer;
    if (performance.now() > untilMs) throw new Error(`${job} did not end: ${answer.text}`);
    await pause(LOOK_AGAIN_MS);
  }
};
