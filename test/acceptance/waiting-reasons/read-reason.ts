import { setTimeout as pause } from 'node:timers/promises';
import type { StatusBody } from '@switchyard/contracts';
import type { Call } from '../support/call-http.ts';
import type { Cell } from '../support/checks.ts';

const REASON_MAX_MS = 60_000;
const LOOK_AGAIN_MS = 100;

/** A job and the reason that `/status` must come to tell of it. */
export type Expected = {
  readonly endpoint: string;
  readonly job: string;
  readonly reason: string | RegExp;
  readonly position: number;
};

export const statusOf = async (call: Call, endpoint: string, job: string): Promise<StatusBody> => {
  const { text } = await call(`GET /v2/${endpoint}/status/${job}`);
  const body: StatusBody = JSON.parse(text);
  return body;
};

/** Waits until the job tells its reason and its position, and prints what it told and when. */
export const readReason = async (call: Call, expected: Expected): Promise<Cell> => {
  const { endpoint, job, reason, position } = expected;
  const startedMs = performance.now();
  for (;;) {
    const { switchyard, status } = await statusOf(call, endpoint, job);
    const waiting = switchyard?.waiting;
    const told = waiting?.reason ?? `none: it is ${status}`;
    const isTold = typeof reason === 'string' ? told === reason : reason.test(told);
    const tookMs = Math.round(performance.now() - startedMs);
    if (isTold && waiting?.position === position) {
      console.log(`     ${endpoint}: "${told}" at position ${position}, seen after ${tookMs} ms`);
      return { name: endpoint, fault: undefined };
    }
    if (tookMs > REASON_MAX_MS) {
      return { name: endpoint, fault: `"${told}" at ${waiting?.position}, wanted ${reason}` };
    }
    await pause(LOOK_AGAIN_MS);
  }
};
