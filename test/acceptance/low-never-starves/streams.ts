import { setTimeout as pause } from 'node:timers/promises';
import type { Call } from '../support/call-http.ts';

/** What is posted of one kind of job: how often at each moment, and with which policy. */
export type Stream = {
  readonly name: string;
  readonly policy: object;
  /** Jobs a second, `atMs` after the start. */
  readonly perSecond: (atMs: number) => number;
};

/** The ids of one stream that were acknowledged, and what was said of the others. */
export type Posted = { readonly ids: string[]; readonly failures: string[] };

const TICK_MS = 50;

/**
 * Posts a stream for `durationMs`, each job at its time whether the one before has its answer or
 * not: a client that waits would make the load follow the server.
 */
export const postStream = async (
  call: Call,
  endpoint: string,
  stream: Stream,
  durationMs: number,
): Promise<Posted> => {
  const posted: Posted = { ids: [], failures: [] };
  const underWay = new Set<Promise<void>>();
  const body = { input: stream.name, policy: stream.policy };
  const post = async (): Promise<void> => {
    try {
      const { status, json, text } = await call(`POST /v2/${endpoint}/run`, { body });
      if (status === 200 && typeof json.id === 'string') posted.ids.push(json.id);
      else posted.failures.push(`${status} ${text.slice(0, 200)}`);
    } catch (error) {
      posted.failures.push(String(error));
    }
  };
  const startedMs = performance.now();
  let owed = 0;
  let lastMs = 0;
  for (;;) {
    const atMs = performance.now() - startedMs;
    if (atMs >= durationMs) break;
    owed += (stream.perSecond(atMs) * (atMs - lastMs)) / 1_000;
    lastMs = atMs;
    for (; owed >= 1; owed -= 1) {
      const one = post();
      underWay.add(one);
      void one.finally(() => underWay.delete(one));
    }
    await pause(TICK_MS);
  }
  await Promise.all(underWay);
  return posted;
};
