import http from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { callsTo } from '../support/call-http.ts';
import { ASIDE, BUSY, type Overload } from './open-overload.ts';

/** What one user met who came by: a job given to the busy endpoint, and one run on the other. */
export type Look = {
  readonly atMs: number;
  /** How long `/run` of the busy endpoint took to acknowledge; undefined when it refused. */
  readonly acceptMs: number | undefined;
  /** How long `/runsync` of the other endpoint took to the job's end; undefined when it refused. */
  readonly runMs: number | undefined;
};

export type Probe = AsyncDisposable & {
  readonly looks: readonly Look[];
  /** The jobs of the busy endpoint that were acknowledged. */
  readonly acknowledged: readonly string[];
};

const EVERY_MS = 100;

/** Looks until it is disposed. */
export const startProbe = ({ switchyard }: Overload): Probe => {
  const agent = new http.Agent({ keepAlive: true });
  const call = callsTo(switchyard.apiUrl, switchyard.apiKey, agent);
  const looks: Look[] = [];
  const acknowledged: string[] = [];
  let isOver = false;
  /** The answer of 200 and how long it took; undefined for every other. */
  const ask = async (line: string) => {
    const sentMs = performance.now();
    try {
      const { status, json } = await call(line, { body: { input: {} } });
      return status === 200 ? { json, tookMs: performance.now() - sentMs } : undefined;
    } catch {
      return undefined;
    }
  };
  const look = async (): Promise<void> => {
    const atMs = Date.now();
    const accepted = await ask(`POST /v2/${BUSY}/run`);
    if (accepted !== undefined) acknowledged.push(String(accepted.json.id));
    const run = await ask(`POST /v2/${ASIDE}/runsync`);
    const runMs = run?.json.status === 'COMPLETED' ? run.tookMs : undefined;
    looks.push({ atMs, acceptMs: accepted?.tookMs, runMs });
  };
  const looking = async (): Promise<void> => {
    while (!isOver) {
      await look();
      await pause(EVERY_MS);
    }
  };
  const lookingOn = looking();
  return {
    looks,
    acknowledged,
    [Symbol.asyncDispose]: async () => {
      isOver = true;
      await lookingOn;
      agent.destroy();
    },
  };
};
