import { type EndpointId, type JobId, refuse } from '@switchyard/contracts';
import type { Log } from '@switchyard/runtime';
import { type JobStatus, readStatuses, type Store } from '@switchyard/store';

/** How long to wait and for what. */
export type Wait = {
  readonly waitMs: number;
  /** Whether this is what was waited for. */
  readonly wanted: (status: JobStatus) => boolean;
  /** Aborts when the client hung up. */
  readonly hangUp: AbortSignal;
};

/** Everybody who waits for a job: runsync, status-sync, stream. */
export interface Waiters {
  /** @throws Refusal `service.overloaded` when too many wait already. */
  admit(): void;
  /**
   * Resolves with the first look at the job that is wanted, or with the last one when the wait
   * ends; undefined when there is no such job or the client hung up.
   * @throws StoreUnavailable when the wait ended and no look ever succeeded.
   */
  wait(endpointId: EndpointId, jobId: JobId, wait: Wait): Promise<JobStatus | undefined>;
  /** Looks at these jobs now, where somebody waits for them. */
  wake(endpointId: string, jobIds: readonly string[]): void;
  /** Ends every wait with the status as it stands. */
  stop(): void;
}

/** From one look at all waiting jobs to the next, in ms; hints make it sooner. */
const LOOK_EVERY_MS = 250;
const LOOK_MAX_JOBS = 100;
const WAITERS_MAX = 10_000;

type Waiter = {
  readonly jobId: JobId;
  readonly wanted: (status: JobStatus) => boolean;
  readonly settle: (status: JobStatus | undefined) => void;
  readonly fail: (error: unknown) => void;
  last: JobStatus | undefined;
  /** The wait is over: the next look answers it, whatever it finds. */
  isDue: boolean;
};

export const createWaiters = (context: { store: Store; log: Log }): Waiters => {
  const rooms = new Map<EndpointId, Room>();
  let count = 0;
  let stopped = false;
  const room = (endpointId: EndpointId): Room => {
    const open = rooms.get(endpointId) ?? new Room(context, endpointId);
    rooms.set(endpointId, open);
    return open;
  };

  return {
    admit: () => {
      if (count < WAITERS_MAX) return;
      const detail = 'Too many requests wait for jobs here; ask for the status instead.';
      throw refuse('service.overloaded', detail, { retryAfterSeconds: 1 });
    },
    wait: async (endpointId, jobId, wait) => {
      if (wait.hangUp.aborted) return undefined;
      count += 1;
      const entered = room(endpointId);
      try {
        return await entered.wait(jobId, stopped ? { ...wait, waitMs: 0 } : wait);
      } finally {
        count -= 1;
        if (entered.isEmpty() && rooms.get(endpointId) === entered) rooms.delete(endpointId);
      }
    },
    wake: (endpointId, jobIds) => {
      // An id that is in the map is one of ours; one that is not finds nothing.
      rooms.get(endpointId as EndpointId)?.wake(jobIds);
    },
    stop: () => {
      stopped = true;
      for (const open of rooms.values()) open.endAll();
    },
  };
};

/** Those who wait for jobs of one endpoint. Nothing runs while there are none. */
class Room {
  readonly #store: Store;
  readonly #log: Log;
  readonly #endpointId: EndpointId;
  readonly #waiters = new Map<string, Set<Waiter>>();
  /** The jobs of the next look. */
  #wanted = new Set<string>();
  #isLooking = false;
  #lookIsDue = false;
  #tick: NodeJS.Timeout | undefined;

  constructor({ store, log }: { store: Store; log: Log }, endpointId: EndpointId) {
    this.#store = store;
    this.#log = log;
    this.#endpointId = endpointId;
  }

  isEmpty(): boolean {
    return this.#waiters.size === 0;
  }

  async wait(jobId: JobId, { waitMs, wanted, hangUp }: Wait): Promise<JobStatus | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<JobStatus | undefined>();
    const waiter: Waiter = {
      jobId,
      wanted,
      settle: resolve,
      fail: reject,
      last: undefined,
      isDue: false,
    };
    const timer = setTimeout(() => {
      waiter.isDue = true;
      this.wake([jobId]);
    }, waitMs);
    const leave = (): void => resolve(undefined);
    hangUp.addEventListener('abort', leave);
    this.#enter(waiter);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      hangUp.removeEventListener('abort', leave);
      this.#leave(waiter);
    }
  }

  /** Many calls before the event loop turns are one look. */
  wake(jobIds: readonly string[]): void {
    for (const jobId of jobIds) if (this.#waiters.has(jobId)) this.#wanted.add(jobId);
    if (this.#wanted.size === 0 || this.#lookIsDue || this.#isLooking) return;
    this.#lookIsDue = true;
    setImmediate(() => {
      this.#lookIsDue = false;
      void this.#lookAtAll();
    });
  }

  endAll(): void {
    for (const waiters of this.#waiters.values()) for (const waiter of waiters) waiter.isDue = true;
    this.wake([...this.#waiters.keys()]);
  }

  #enter(waiter: Waiter): void {
    const beside = this.#waiters.get(waiter.jobId);
    if (beside === undefined) this.#waiters.set(waiter.jobId, new Set([waiter]));
    else beside.add(waiter);
    this.#tick ??= setInterval(() => this.wake([...this.#waiters.keys()]), LOOK_EVERY_MS);
  }

  #leave(waiter: Waiter): void {
    const beside = this.#waiters.get(waiter.jobId);
    beside?.delete(waiter);
    if (beside?.size === 0) this.#waiters.delete(waiter.jobId);
    if (this.#waiters.size > 0) return;
    clearInterval(this.#tick);
    this.#tick = undefined;
  }

  /** One look at a time; what is wanted meanwhile makes the next. Never rejects. */
  async #lookAtAll(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    while (this.#wanted.size > 0) {
      const jobIds = [...this.#wanted].slice(0, LOOK_MAX_JOBS);
      for (const jobId of jobIds) this.#wanted.delete(jobId);
      const waiting = jobIds
        .map((jobId) => this.#waiters.get(jobId))
        .filter((set) => set !== undefined);
      await this.#lookAt(waiting.flatMap((set) => [...set]));
    }
    this.#isLooking = false;
  }

  async #lookAt(waiters: readonly Waiter[]): Promise<void> {
    const jobIds = new Set(waiters.map(({ jobId }) => jobId));
    if (jobIds.size === 0) return;
    try {
      const found = await readStatuses(this.#store, this.#endpointId, [...jobIds]);
      const cut: Waiter[] = [];
      for (const waiter of waiters) {
        const status = found.get(waiter.jobId);
        if (status?.isCut === true) cut.push(waiter);
        else show(waiter, status);
      }
      // Large results one after another, so that all of them are never in memory at once.
      for (const [jobId, mine] of Map.groupBy(cut, (waiter) => waiter.jobId)) {
        const alone = await readStatuses(this.#store, this.#endpointId, [jobId]);
        for (const waiter of mine) show(waiter, alone.get(jobId));
      }
    } catch (error) {
      this.#log.debug({ err: error }, 'A look at waiting jobs failed');
      for (const waiter of waiters) if (waiter.isDue) giveUp(waiter, error);
    }
  }
}

const show = (waiter: Waiter, status: JobStatus | undefined): void => {
  waiter.last = status;
  if (status === undefined || waiter.isDue || waiter.wanted(status)) waiter.settle(status);
};

const giveUp = (waiter: Waiter, error: unknown): void => {
  if (waiter.last === undefined) waiter.fail(error);
  else waiter.settle(waiter.last);
};
