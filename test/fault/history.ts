/**
 * What a fault run writes down while it goes on: what clients asked and were told, what workers
 * ran, what a webhook's target and a consumer of events were sent, and what was broken when. Each
 * fact is a JSON line that is written at once, so that a process which is killed loses none of
 * them. Times are in ms since 1970 of the machine that all of it runs on.
 */
import { closeSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import type { EventName, State } from '@switchyard/contracts';

/**
 * `ok`: it was done, and said so. `fail`: it was certainly not done (4xx, 429, 503 without
 * `outcome_unknown`, a connection that was refused). `unknown`: nothing, or `outcome_unknown`, came
 * back after the request had left.
 */
export type Outcome = 'ok' | 'fail' | 'unknown';

/** One request of a client. One that is repeated with its key is an operation each time. */
export type Operation = {
  readonly kind: 'submit' | 'status' | 'stream' | 'cancel' | 'retry' | 'purge' | 'trespass';
  readonly via: 'http' | 'broker';
  /** Where the key that asked is limited to one endpoint: that one. */
  readonly reach?: string;
  readonly atMs: number;
  readonly endedAtMs: number;
  readonly outcome: Outcome;
  readonly endpoint: string;
  /** As the answer told it; of any other kind than `submit`, as it was asked for. */
  readonly jobId?: string;
  /** The Idempotency-Key, or the message's id at the broker. */
  readonly key?: string;
  /** Of `submit`: the SHA-256 in hex of the bytes of `input`. */
  readonly inputSha256?: string;
  /** Of `submit`: every secret text in its s3Config. */
  readonly secrets?: readonly string[];
  readonly hasWebhook?: boolean;
  /** Of `submit`: its startAfter. */
  readonly startAtMs?: number;
  /** The HTTP status, and the problem's code. */
  readonly statusCode?: number;
  readonly code?: string;
  readonly hasRetryAfter?: boolean;
  /** The state that the answer told. */
  readonly state?: State;
  /** Of `status`: what it told of the times, and the output's SHA-256 where it had one. */
  readonly delayTime?: number;
  readonly executionTime?: number;
  readonly outputSha256?: string;
  /** Of `purge`. */
  readonly removed?: number;
  /** Of `trespass`, which asks with a key of one endpoint for another's: all jobs that came. */
  readonly shown?: readonly string[];
};

/** One run of a job by a worker. What comes after `inputSha256` is missing where it was killed. */
export type WorkerRun = {
  readonly workerId: string;
  readonly endpoint: string;
  readonly jobId: string;
  /** Where the worker was told it. */
  readonly claimNo?: number;
  readonly atMs: number;
  readonly inputSha256: string;
  /** Every text in the s3Config that came. */
  readonly secrets?: readonly string[];
  readonly endedAtMs?: number;
  readonly how?: 'returned' | 'threw' | 'stopped';
  /** Of the bytes that it returned. */
  readonly outputSha256?: string;
  /** What its post of the result was answered, where the worker learns it. */
  readonly answer?: 'accepted' | 'refused' | 'none';
  readonly answeredAtMs?: number;
};

type RunEnd = 'endedAtMs' | 'how' | 'outputSha256' | 'answer' | 'answeredAtMs';

/** One line of a worker's journal: the start of a run, or what came of it, under one `run`. */
export type RunLine =
  | (Omit<WorkerRun, RunEnd> & { readonly run: string })
  | (Pick<WorkerRun, RunEnd> & { readonly run: string });

/** One request that came to a webhook's target. */
export type WebhookPost = {
  readonly atMs: number;
  readonly endpoint: string;
  /** The headers webhook-id, webhook-timestamp and webhook-signature. */
  readonly webhookId: string;
  readonly timestamp: string;
  readonly signature: string;
  readonly body: string;
  /** What the target answered; undefined when it held the request or cut it. */
  readonly statusCode?: number;
};

/** One event that came to a consumer at the broker, each time that it came. */
export type SeenEvent = {
  readonly atMs: number;
  readonly id: string;
  readonly endpoint: string;
  readonly jobId: string;
  readonly event: EventName;
  readonly sequence: number;
};

/** From when to when something was broken; its end is when it was healed. */
export type FaultWindow = {
  readonly kind: string;
  readonly target: string;
  readonly atMs: number;
  readonly endedAtMs: number;
};

/** A connection that came to where no webhook may go. */
export type Stray = { readonly atMs: number; readonly address: string };

/** A session that did nothing inside a transaction, as it was seen. */
export type IdleSession = {
  readonly atMs: number;
  readonly application: string;
  readonly idleMs: number;
};

/** What the system holds while nothing is under way. */
export type Census = {
  readonly atMs: number;
  readonly processes: readonly Footprint[];
  /** Children of ours that ended and that nobody has waited for. */
  readonly zombies: readonly string[];
  /** How many sessions each application has at the database. */
  readonly sessions: Readonly<Record<string, number>>;
  /** Advisory locks of sessions that have no transaction. */
  readonly leakedLocks: number;
  /** The worker processes that live, and how many the endpoint's `minimum` asks for. */
  readonly workers: readonly {
    readonly endpoint: string;
    readonly wanted: number;
    readonly living: number;
  }[];
};

/** What one process holds; `files` are its open descriptors, those of sockets included. */
export type Footprint = {
  readonly name: string;
  readonly rssMib: number;
  readonly files: number;
  readonly sockets: number;
};

export type History = {
  readonly operations: readonly Operation[];
  readonly runs: readonly WorkerRun[];
  readonly posts: readonly WebhookPost[];
  readonly events: readonly SeenEvent[];
  readonly faults: readonly FaultWindow[];
  readonly strays: readonly Stray[];
  readonly idleSessions: readonly IdleSession[];
  /** The first is from before anything was broken, the last from after everything was healed. */
  readonly censuses: readonly Census[];
};

/** A file of JSON lines that takes facts of one kind. */
export type Journal<Fact> = Disposable & { readonly write: (fact: Fact) => void };

/** Opens `file` for appending. A fact has left this process when `write` returns. */
export const openJournal = <Fact>(file: string): Journal<Fact> => {
  const descriptor = openSync(file, 'a');
  return {
    write: (fact) => void writeSync(descriptor, `${JSON.stringify(fact)}\n`),
    [Symbol.dispose]: () => closeSync(descriptor),
  };
};

/** The facts in `file`, in order; a last line that a killed process left unfinished is none. */
const readJournal = <Fact>(file: string): Fact[] => {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.slice(0, -1).map((line): Fact => JSON.parse(line));
};

/**
 * The history in `folder`: a file for each kind of facts, of which any may be missing, and one
 * named `runs-*` for each worker.
 */
export const readHistory = (folder: string): History => {
  const names = readdirSync(folder);
  const read = <Fact>(name: string): Fact[] =>
    names.includes(name) ? readJournal(path.join(folder, name)) : [];
  const runs = names.filter((name) => name.startsWith('runs-'));
  return {
    operations: read('operations'),
    runs: runs.flatMap((name) => runsIn(read(name))),
    posts: read('posts'),
    events: read('events'),
    faults: read('faults'),
    strays: read('strays'),
    idleSessions: read('idle-sessions'),
    censuses: read('censuses'),
  };
};

/** The runs that a worker's lines tell, in the order of their starts. */
const runsIn = (lines: readonly RunLine[]): WorkerRun[] => {
  const runs = new Map<string, WorkerRun>();
  for (const { run, ...rest } of lines) {
    const before = runs.get(run);
    if ('jobId' in rest) runs.set(run, rest);
    else if (before !== undefined) runs.set(run, { ...before, ...rest });
  }
  return [...runs.values()];
};
