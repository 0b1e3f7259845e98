import type { JobDetail } from '@switchyard/contracts';
import type { JournalLine } from '../../support/runpod-worker/journal.ts';
import type { Answer } from '../support/call-http.ts';
import type { Checks } from '../support/checks.ts';
import type { SentRequest } from './start-crew.ts';

/** What was seen, for the judges. Moments are in ms since 1970. */
export type Seen = {
  readonly checks: Checks;
  /** From here on Postgres took no statement … */
  readonly stoppedAtMs: number;
  /** … and from here on it took connections again. */
  readonly returnedAtMs: number;
  readonly facts: readonly JournalLine[];
  readonly requests: readonly SentRequest[];
  /** Each acknowledged job as the API told it in the end, and the output that it should have. */
  readonly jobs: readonly SeenJob[];
  /** The answers of a submission and a status while Postgres was away. */
  readonly clientAnswers: readonly Answer[];
};

export type SeenJob = {
  readonly id: string;
  readonly wanted: string;
  readonly detail: JobDetail;
  /** Its status body as it was sent. */
  readonly status: string;
  /** The outputs of its chunks as an array of JSON; of a job that streams none, what is wanted. */
  readonly chunks: string;
};
