import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { workerEnvironment } from '../../support/worker-environment.ts';

const PROGRAM = fileURLToPath(new URL('./journal-worker.ts', import.meta.url));

export type JournalWorkerSettings = {
  readonly gatewayUrl: string;
  readonly endpoint: string;
  readonly token: string;
  readonly workerId: string;
  readonly concurrency: number;
  /** How long each job takes, in ms. */
  readonly workMs: number;
  /** Where its journal and log are kept. */
  readonly folder: string;
  /** Instead of journal-worker.ts; it gets the same arguments. */
  readonly program?: string;
};

export type JournalWorker = AsyncDisposable & {
  /** The id of a job for each time that it was started. */
  readonly starts: () => string[];
  readonly log: () => string;
  readonly isAlive: () => boolean;
};

/** Starts the worker as a process; disposing it ends it. */
export const startJournalWorker = (settings: JournalWorkerSettings): JournalWorker => {
  const { gatewayUrl, endpoint, token, workerId, concurrency, workMs, folder } = settings;
  const { program = PROGRAM } = settings;
  const journal = path.join(folder, `${workerId}.journal`);
  const logPath = path.join(folder, `${workerId}.log`);
  writeFileSync(journal, '');
  const log = openSync(logPath, 'a');
  const child = spawn(process.execPath, [program, journal, String(workMs)], {
    stdio: ['ignore', log, log],
    env: {
      ...workerEnvironment({ base: `${gatewayUrl}/v2/${endpoint}`, endpoint, token, workerId }),
      SWITCHYARD_WORKER_CONCURRENCY: String(concurrency),
      SWITCHYARD_PARENT_PID: String(process.pid),
    },
  });
  closeSync(log);
  const exited = once(child, 'exit');
  return {
    starts: () => readFileSync(journal, 'utf8').split('\n').filter(Boolean),
    log: () => readFileSync(logPath, 'utf8'),
    isAlive: () => child.exitCode === null && child.signalCode === null,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
};
