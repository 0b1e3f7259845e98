import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { JournalEvent, JournalLine } from './runpod-worker/journal.ts';
import { workerEnvironment } from './worker-environment.ts';

export type RunpodWorkerSettings = {
  /** The gateway's base, with `/v2` and without a slash at the end. */
  gatewayUrl: string;
  endpoint: string;
  workerToken: string;
  workerId: string;
  /** Whole seconds in ms; 1,000 by default, where the package's own is 10,000. */
  pingIntervalMs?: number;
  concurrency?: number;
  /** TEST_* and RUNPOD_* variables besides. */
  env?: Readonly<Record<string, string>>;
};

export type RunpodWorker = {
  workerId: string;
  /** Every fact so far, the pings' too. */
  facts(): readonly JournalLine[];
  /** The first fact that `fits`, past or to come. @throws Error after `timeoutMs`. */
  fact(fits: (fact: JournalLine) => boolean, timeoutMs?: number): Promise<JournalLine>;
  /** Sends SIGTERM, nothing more: the worker goes when its held polls have returned. */
  terminate(): void;
  /** Resolves to the exit code, null after a kill. */
  exited: Promise<number | null>;
  /** Kills the worker and its pings. Idempotent. */
  close(): Promise<void>;
};

const FACT_TIMEOUT_MS = 30_000;
const PROGRAM = fileURLToPath(new URL('./runpod-worker.ts', import.meta.url));

const environmentOf = (settings: RunpodWorkerSettings): NodeJS.ProcessEnv => {
  const { gatewayUrl, endpoint, workerId, workerToken: token } = settings;
  return {
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
    ...workerEnvironment({ base: `${gatewayUrl}/${endpoint}`, endpoint, token, workerId }),
    RUNPOD_PING_INTERVAL: String(settings.pingIntervalMs ?? 1_000),
    TEST_CONCURRENCY: String(settings.concurrency ?? 1),
    TEST_JOURNAL_STDOUT: '1',
    TEST_JOURNAL_RAW: '1',
    ...settings.env,
  };
};

type Waiting = { fits: (fact: JournalLine) => boolean; found: (fact: JournalLine) => void };

const endPinger = (facts: readonly JournalLine[]): void => {
  const pid = facts.find((fact) => fact.event === 'ready')?.pingerPid;
  if (pid === undefined) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has gone with its worker.
  }
};

const exitOf = async (child: ChildProcess): Promise<number | null> => {
  const [code]: unknown[] = await once(child, 'exit');
  return typeof code === 'number' ? code : null;
};

/** Starts the test worker as a process and hears its journal. `close` it when done. */
export const startRunpodWorker = (settings: RunpodWorkerSettings): RunpodWorker => {
  const child = spawn(process.execPath, [PROGRAM], {
    env: environmentOf(settings),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const facts: JournalLine[] = [];
  const waiting = new Set<Waiting>();
  const exited = exitOf(child);
  createInterface({ input: child.stdout }).on('line', (line) => {
    const fact: JournalLine = JSON.parse(line);
    facts.push(fact);
    for (const wait of waiting) if (wait.fits(fact)) wait.found(fact);
  });
  return {
    workerId: settings.workerId,
    facts: () => facts,
    async fact(fits, timeoutMs = FACT_TIMEOUT_MS) {
      const before = facts.find(fits);
      if (before !== undefined) return before;
      const { promise, resolve, reject } = Promise.withResolvers<JournalLine>();
      const wait = { fits, found: resolve };
      const late = new Error(`${settings.workerId}: no such fact within ${timeoutMs} ms`);
      const timer = setTimeout(() => reject(late), timeoutMs);
      waiting.add(wait);
      return promise.finally(() => {
        clearTimeout(timer);
        waiting.delete(wait);
      });
    },
    terminate: () => {
      child.kill('SIGTERM');
    },
    exited,
    async close() {
      child.kill('SIGKILL');
      await exited;
      endPinger(facts);
      child.stdout.destroy();
      child.stdin.destroy();
    },
  };
};

/** A test for `fact`: this event, and this job's where one is named. */
export const factOf =
  (event: JournalEvent, jobId?: string, call?: string) =>
  (fact: JournalLine): boolean =>
    fact.event === event &&
    (jobId === undefined || fact.jobId === jobId) &&
    (call === undefined || fact.call === call);
