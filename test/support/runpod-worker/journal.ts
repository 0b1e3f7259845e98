import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import type { WorkerConfig } from './config.ts';

export const JOURNAL_EVENTS = [
  'ready', // the loops begin; names the process ids
  'take', // a job came with the answer of a poll
  'drop', // a job came after SIGTERM and will never run
  'malformed', // an answer that the package chokes on; its jobs are lost
  'start',
  'post', // about to send, written before the first byte leaves
  'answer', // what a post was answered; status 0: refused or reset
  'giveUp', // a post that will not be sent again although it was not answered 2xx
  'stop', // an answer of the stop poll, one fact for each id in it
  'cancelled',
  'lose', // a result that is kept back on purpose
  'vanish', // about to kill itself
  'ping',
  'braked', // a poll was answered 429
  'refused', // a poll was answered with another error
  'runaway', // too many polls a second; exits 70
  'sigterm',
  'exit',
] as const;
export type JournalEvent = (typeof JOURNAL_EVENTS)[number];

export type Fact = Readonly<{
  event: JournalEvent;
  jobId?: string;
  /** The last part of the address, such as `job-done` or `job-take-batch`. */
  call?: string;
  status?: number;
  body?: string;
  bodyBytes?: number;
  bodySha256?: string;
  rawBase64?: string;
  /** How many jobs came together, and how many were asked for. */
  count?: number;
  batchSize?: number;
  jobIds?: readonly string[];
  pid?: number;
  pingerPid?: number;
  reason?: string;
}>;

/** A fact as it stands in the journal. `at` is in ms since 1970 of the worker's own clock. */
export type JournalLine = Fact & Readonly<{ at: number; worker: string }>;

export type Journal = { record(fact: Fact): void; close(): void };

/**
 * Appends one JSON line a fact and returns after it is on disk, so that what a killed worker did
 * can be told from what it was about to do. Pings alone are not forced to disk.
 */
export const openJournal = (
  config: Pick<WorkerConfig, 'workerId' | 'journalPath' | 'journalToStdout'>,
): Journal => {
  const file = config.journalPath === undefined ? undefined : openSync(config.journalPath, 'a');
  return {
    record(fact) {
      const line = `${JSON.stringify({ at: Date.now(), worker: config.workerId, ...fact })}\n`;
      if (file !== undefined) {
        writeSync(file, line);
        if (fact.event !== 'ping') fsyncSync(file);
      }
      if (config.journalToStdout) process.stdout.write(line);
    },
    close() {
      if (file !== undefined) closeSync(file);
    },
  };
};
