import {
  type EndpointId,
  type JobId,
  refuse,
  type S3Config,
  type StopReason,
  type WorkerId,
} from '@switchyard/contracts';
import type { WorkerState } from '@switchyard/store';

/** A claimed job, ready to be written to its worker. */
export type HandedJob = {
  readonly jobId: JobId;
  readonly claimNo: number;
  readonly executionTimeoutMs: number;
  readonly webhook: string | null;
  /** Raw JSON, as the client sent it. */
  readonly input: Buffer;
  readonly s3Config: S3Config | undefined;
};

/**
 * How long a request that is held is a sign of life, in ms. Where a machine vanished, nothing tells
 * of it: what is held for it would keep its jobs for as long.
 */
export const HELD_SIGN_MS = 5_000;

/**
 * A request of a worker that waits for something. `answer` returns false where the worker has hung
 * up in the meantime: then nothing was written.
 */
export type HeldPoll = {
  readonly free: number;
  answer(jobs: readonly HandedJob[]): boolean;
};

export type RememberedStop = {
  readonly claimNo: number;
  readonly reason: StopReason;
  /** When it was first heard of. */
  readonly atMs: number;
  /** When the worker was last told. */
  toldAtMs: number;
};

/** A worker that talks to this supervisor. */
export type Presence = {
  readonly endpointId: EndpointId;
  readonly workerId: WorkerId;
  state: WorkerState;
  reason: string | null;
  /** This supervisor ends and gives it nothing more; it goes on at another. */
  released: boolean;
  /** The most slots that it has shown. */
  slots: number;
  seenAtMs: number;
  /** When its last request came. */
  askedAtMs: number;
  /** When its sign of life was last stored. */
  storedAtMs: number;
  /** What it last said that it holds, until that is stored. */
  inventory: readonly JobId[] | undefined;
  inventoryStoredAtMs: number;
  /** Jobs that it lists and does not hold, each with the time since when it was seen to. */
  suspects: ReadonlyMap<JobId, number>;
  /** RunPod's protocol: the take that is held. */
  poll: HeldPoll | undefined;
  /** RunPod's protocol: tells the held stop poll to look again. */
  wakeStopPoll: (() => void) | undefined;
  /** The exchange: free slots as last said, less what was handed since. */
  free: number;
  wakeExchange: (() => void) | undefined;
  readonly mailbox: { readonly job: HandedJob; readonly atMs: number }[];
  /** Jobs that this supervisor handed over, by claim. */
  readonly holds: Map<JobId, { readonly claimNo: number; readonly hooked: boolean }>;
  /** Jobs whose results are on their way into the database, and whether a webhook waits. */
  readonly posting: Map<JobId, { readonly hooked: boolean }>;
  readonly stops: Map<JobId, RememberedStop>;
};

/** A stop is repeated until the worker no longer lists the job, and remembered this long, in ms. */
export const STOP_KEPT_MS = 60_000;
/** A worker that was silent for this long is forgotten here, in ms; the database knows more. */
const FORGET_MS = 120_000;
/** Workers of one endpoint that a supervisor knows: their ids are their own choice. */
const WORKERS_MAX = 10_000;

export interface WorkerBook {
  /**
   * The worker, entered on its first contact.
   * @throws Refusal `service.overloaded` where WORKERS_MAX others of its endpoint are known.
   */
  see(endpointId: EndpointId, workerId: WorkerId): Presence;
  /** The same for posts, which are never refused: then one that is not entered. */
  hear(endpointId: EndpointId, workerId: WorkerId): Presence;
  find(endpointId: EndpointId, workerId: WorkerId): Presence | undefined;
  all(): Iterable<Presence>;
  /**
   * Hands jobs to a worker.
   * @returns those that it had no room for: nothing was written of them.
   */
  deliver(
    endpointId: EndpointId,
    workerId: WorkerId,
    jobs: readonly HandedJob[],
  ): readonly HandedJob[];
  /** Gives a worker no more jobs, and lets its held polls go. */
  drain(endpointId: EndpointId, workerId: WorkerId): void;
  /** Gives no worker more jobs here, and lets their held polls go: they may ask elsewhere. */
  releaseAll(): void;
  forget(endpointId: EndpointId, workerId: WorkerId): void;
  forgetSilent(): void;
}

/** Whether its polls are to be let go at once. */
export const getsNoMore = (worker: Presence): boolean =>
  worker.state === 'draining' || worker.released;

/** How many jobs a worker would take now. */
export const freeSlots = (worker: Presence): number => {
  if (worker.state === 'unhealthy' || getsNoMore(worker)) return 0;
  if (worker.poll !== undefined) return worker.poll.free;
  return Math.max(0, worker.free - worker.mailbox.length);
};

const keyOf = (endpointId: EndpointId, workerId: WorkerId): string => `${endpointId}/${workerId}`;

/** The presences by worker, and how many there are of each endpoint. */
const createEntries = () => {
  const entries = new Map<string, Presence>();
  const counts = new Map<EndpointId, number>();
  const countOf = (endpointId: EndpointId): number => counts.get(endpointId) ?? 0;
  const hasRoom = (endpointId: EndpointId): boolean => countOf(endpointId) < WORKERS_MAX;
  return {
    hasRoom,
    find: (endpointId: EndpointId, workerId: WorkerId) => entries.get(keyOf(endpointId, workerId)),
    all: () => entries.values(),
    /** @returns whether there was room. */
    enter: (worker: Presence): boolean => {
      const { endpointId, workerId } = worker;
      if (!hasRoom(endpointId)) return false;
      counts.set(endpointId, countOf(endpointId) + 1);
      entries.set(keyOf(endpointId, workerId), worker);
      return true;
    },
    leave: (endpointId: EndpointId, workerId: WorkerId): void => {
      if (!entries.delete(keyOf(endpointId, workerId))) return;
      const left = countOf(endpointId) - 1;
      if (left > 0) counts.set(endpointId, left);
      else counts.delete(endpointId);
    },
  };
};

/**
 * @param changed is called when a worker has more or less room than before.
 * @param met is called when a worker is entered.
 */
export const createWorkerBook = (changed: () => void, met: () => void): WorkerBook => {
  const book = createEntries();
  let isReleased = false;

  const hear: WorkerBook['hear'] = (endpointId, workerId) => {
    const known = book.find(endpointId, workerId);
    const worker = known ?? newPresence(endpointId, workerId);
    worker.seenAtMs = performance.now();
    worker.askedAtMs = worker.seenAtMs;
    if (worker.state === 'starting') worker.state = 'live';
    worker.released = isReleased;
    if (known === undefined && book.enter(worker)) met();
    return worker;
  };

  return {
    hear,
    see: (endpointId, workerId) => {
      if (!book.hasRoom(endpointId) && book.find(endpointId, workerId) === undefined) {
        throw tooMany();
      }
      return hear(endpointId, workerId);
    },
    find: book.find,
    all: book.all,
    deliver: (endpointId, workerId, jobs) => {
      const worker = book.find(endpointId, workerId);
      const room = worker === undefined ? 0 : freeSlots(worker);
      if (worker === undefined || room === 0) return jobs;
      const taken = jobs.slice(0, room);
      const left = jobs.slice(room);
      if (worker.poll === undefined) {
        mail(worker, taken);
        return left;
      }
      return answerPoll(worker, worker.poll, taken, changed) ? left : jobs;
    },
    drain: (endpointId, workerId) => {
      const worker = book.find(endpointId, workerId);
      if (worker === undefined) return;
      worker.state = 'draining';
      worker.storedAtMs = Number.NEGATIVE_INFINITY;
      letGo(worker);
      changed();
    },
    releaseAll: () => {
      isReleased = true;
      for (const worker of book.all()) {
        worker.released = true;
        letGo(worker);
      }
      changed();
    },
    forget: (endpointId, workerId) => {
      book.leave(endpointId, workerId);
      changed();
    },
    forgetSilent: () => {
      const before = performance.now() - FORGET_MS;
      for (const worker of book.all()) {
        const holdsNothing = worker.holds.size === 0 && worker.mailbox.length === 0;
        if (worker.seenAtMs < before && holdsNothing) {
          book.leave(worker.endpointId, worker.workerId);
        }
      }
    },
  };
};

const tooMany = () =>
  refuse(
    'service.overloaded',
    `This gateway knows ${WORKERS_MAX} workers of the endpoint already.`,
    {
      retryAfterSeconds: 5,
    },
  );

const letGo = (worker: Presence): void => {
  worker.poll?.answer([]);
  worker.poll = undefined;
  worker.wakeStopPoll?.();
  worker.wakeExchange?.();
};

const newPresence = (endpointId: EndpointId, workerId: WorkerId): Presence => ({
  endpointId,
  workerId,
  state: 'live',
  reason: null,
  released: false,
  slots: 1,
  seenAtMs: 0,
  askedAtMs: 0,
  storedAtMs: Number.NEGATIVE_INFINITY,
  inventory: undefined,
  inventoryStoredAtMs: Number.NEGATIVE_INFINITY,
  suspects: new Map(),
  poll: undefined,
  wakeStopPoll: undefined,
  free: 0,
  wakeExchange: undefined,
  mailbox: [],
  holds: new Map(),
  posting: new Map(),
  stops: new Map(),
});

const mail = (worker: Presence, jobs: readonly HandedJob[]): void => {
  const atMs = performance.now();
  for (const job of jobs) {
    forgetOlderStop(worker, job);
    worker.mailbox.push({ job, atMs });
  }
  worker.wakeExchange?.();
};

const answerPoll = (
  worker: Presence,
  poll: HeldPoll,
  jobs: readonly HandedJob[],
  changed: () => void,
): boolean => {
  worker.poll = undefined;
  changed();
  if (!poll.answer(jobs)) return false;
  for (const job of jobs) hold(worker, job);
  return true;
};

/** Notes that a worker has a job now. */
export const hold = (worker: Presence, job: HandedJob): void => {
  forgetOlderStop(worker, job);
  worker.holds.set(job.jobId, { claimNo: job.claimNo, hooked: job.webhook !== null });
};

/** A stop of an earlier claim would end this one. */
const forgetOlderStop = (worker: Presence, { jobId, claimNo }: HandedJob): void => {
  const stop = worker.stops.get(jobId);
  if (stop !== undefined && stop.claimNo < claimNo) worker.stops.delete(jobId);
};
