import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { JournalLine } from '../../support/runpod-worker/journal.ts';

const PROGRAM = fileURLToPath(new URL('./many-workers.ts', import.meta.url));

/** What the process of the workers is told; it comes as JSON in its first argument. */
export type CrewPlan = {
  readonly gatewayUrl: string;
  readonly token: string;
  readonly crews: readonly { readonly endpoint: string; readonly workers: number }[];
  readonly journalPath: string;
  readonly requestsPath: string;
};

/** A request that a worker sent, written before its first byte left. */
export type SentRequest = {
  readonly atMs: number;
  /** The part of the address that says what for, such as `job-done`. */
  readonly call: string;
  readonly worker: string;
};

export type Crew = AsyncDisposable & {
  /** Every fact of every worker so far, oldest first. */
  readonly facts: () => JournalLine[];
  readonly requests: () => SentRequest[];
  readonly isAlive: () => boolean;
};

const readLines = (file: string): string[] =>
  readFileSync(file, 'utf8').split('\n').filter(Boolean);

/** Starts the workers as one process that keeps its journals in `folder`; disposing it kills it. */
export const startCrew = (
  folder: string,
  asked: Omit<CrewPlan, 'journalPath' | 'requestsPath'>,
): Crew => {
  const journalPath = path.join(folder, 'journal');
  const requestsPath = path.join(folder, 'requests');
  for (const file of [journalPath, requestsPath]) writeFileSync(file, '');
  const plan: CrewPlan = { ...asked, journalPath, requestsPath };
  const child = spawn(process.execPath, [PROGRAM, JSON.stringify(plan)], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const exited = once(child, 'exit');
  const leaveNothing = () => child.kill('SIGKILL');
  process.once('exit', leaveNothing);
  return {
    facts: () => readLines(journalPath).map((line): JournalLine => JSON.parse(line)),
    requests: () => readLines(requestsPath).map((line): SentRequest => JSON.parse(line)),
    isAlive: () => child.exitCode === null && child.signalCode === null,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await exited;
      process.off('exit', leaveNothing);
    },
  };
};
