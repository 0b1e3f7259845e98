import { randomUUID } from 'node:crypto';
import { isAbsolute } from 'node:path';

/** What the test worker was told: RunPod's own variables, and the TEST_* ones that tests add. */
export type WorkerConfig = Readonly<{
  takeUrl: string;
  outputUrl: string;
  streamUrl: string;
  /** Undefined when no pings are sent: the worker has no id, no key or no address for them. */
  pingUrl: string | undefined;
  authorization: string;
  workerId: string;
  pingIntervalMs: number;
  hostname: string;
  concurrency: number;
  realisticPauses: boolean;
  refreshWorker: boolean;
  unfitReason: string | undefined;
  pollCutMs: number;
  pollsPerSecondMax: number;
  orphanMs: number;
  keepAlive: boolean;
  journalPath: string | undefined;
  journalRaw: boolean;
  journalToStdout: boolean;
}>;

const wanted = (env: NodeJS.ProcessEnv, name: string): string => {
  const value = env[name];
  if (value === undefined || value === '') throw new Error(`${name} is not set`);
  return value;
};

const whole = (env: NodeJS.ProcessEnv, name: string, fallback: number): number => {
  const value = Number(env[name] ?? fallback);
  if (!Number.isInteger(value) || value < 0) throw new Error(`${name} is not a whole number`);
  return value;
};

const journalPathOf = (env: NodeJS.ProcessEnv): string | undefined => {
  const path = env.TEST_JOURNAL;
  if (path !== undefined && !isAbsolute(path)) throw new Error('TEST_JOURNAL is not absolute');
  return path;
};

/**
 * Reads the environment as RunPod's Python worker does; the take address decides whether there is
 * anything to do at all.
 * @throws Error that names the variable when one is missing or malformed.
 */
export const readConfig = (env: NodeJS.ProcessEnv): WorkerConfig => {
  const workerId = env.RUNPOD_POD_ID ?? randomUUID();
  const authorization = env.RUNPOD_AI_API_KEY ?? '';
  const forWorker = (url: string): string => url.split('$RUNPOD_POD_ID').join(workerId);
  const ping = env.RUNPOD_WEBHOOK_PING;
  const pings = ping !== undefined && env.RUNPOD_POD_ID !== undefined && authorization.length > 0;
  return {
    takeUrl: wanted(env, 'RUNPOD_WEBHOOK_GET_JOB').split('$ID').join(workerId),
    outputUrl: forWorker(wanted(env, 'RUNPOD_WEBHOOK_POST_OUTPUT')),
    streamUrl: forWorker(wanted(env, 'RUNPOD_WEBHOOK_POST_STREAM')),
    pingUrl: pings ? forWorker(ping) : undefined,
    authorization,
    workerId,
    pingIntervalMs: Math.floor(whole(env, 'RUNPOD_PING_INTERVAL', 10_000) / 1000) * 1000,
    hostname: env.RUNPOD_POD_HOSTNAME ?? 'unknown',
    concurrency: whole(env, 'TEST_CONCURRENCY', 1),
    realisticPauses: env.TEST_REALISTIC_PAUSES === '1',
    refreshWorker: env.TEST_REFRESH_WORKER === '1',
    unfitReason: env.TEST_UNFIT,
    pollCutMs: whole(env, 'TEST_POLL_CUT_MS', 90_000),
    pollsPerSecondMax: whole(env, 'TEST_POLLS_PER_SECOND_MAX', 500),
    orphanMs: whole(env, 'TEST_ORPHAN_MS', 300_000),
    keepAlive: env.TEST_KEEP_ALIVE !== '0',
    journalPath: journalPathOf(env),
    journalRaw: env.TEST_JOURNAL_RAW === '1',
    journalToStdout: env.TEST_JOURNAL_STDOUT === '1',
  };
};
