import type { Broker } from '@switchyard/broker';
import {
  type EndpointId,
  type InstanceId,
  type JobId,
  refuse,
  topics,
} from '@switchyard/contracts';
import { createKeyedBatcher, type Log } from '@switchyard/runtime';
import {
  appendChunks,
  type Chunk,
  type Finish,
  finishJobs,
  isOutcomeUnknown,
  isPassing,
  readStatuses,
  type Store,
  StoreUnavailable,
} from '@switchyard/store';

/**
 * RunPod's worker drops a result after three posts within five seconds. So posts are held while
 * the database is away: this long, in ms, and this many bytes in all.
 */
const HOLD_MS = 120_000;
const HELD_MAX_BYTES = 256 * 1024 * 1024;
/** No worker loses a job and gets it again within this, in ms, whatever a database's clock says. */
const FRESH_MS = 1_000;
const BATCH_MAX_ITEMS = 500;
const BATCH_MAX_BYTES = 16 * 1024 * 1024;
const NOTHING = new Uint8Array();

export interface Finisher {
  /**
   * Stores a result. @returns false where the worker does not hold the job: nothing changed.
   * @param hooked whether a webhook waits for it; true when that is not known.
   * @throws Refusal `store.unavailable` when the database stayed away for HOLD_MS.
   */
  finish(endpointId: EndpointId, finish: Finish, hooked: boolean): Promise<boolean>;
  /** Stores a chunk. @returns and throws as `finish`. */
  append(endpointId: EndpointId, chunk: Chunk): Promise<boolean>;
  idle(): Promise<void>;
}

export type FinishContext = {
  readonly store: Store;
  readonly broker: Pick<Broker, 'hint'>;
  readonly log: Log;
  readonly instance: InstanceId;
};

type Result = { readonly finish: Finish; readonly hooked: boolean };

export const createFinisher = (context: FinishContext): Finisher => {
  const hold = createHold();
  const inTurn = createTurns();
  const results = createKeyedBatcher<EndpointId, Result, boolean>({
    run: async (endpointId, batch) => {
      const process = `${context.instance}/finish`;
      const finishes = batch.map(({ finish }) => finish);
      const ended = await finishJobs(context.store, endpointId, process, finishes);
      tellChanged(context.broker, endpointId, [...ended]);
      const isDue = batch.some(({ finish, hooked }) => hooked && ended.has(finish.jobId));
      if (isDue) context.broker.hint(topics.due, NOTHING);
      return finishes.map((finish) => ended.has(finish.jobId));
    },
    maxItems: BATCH_MAX_ITEMS,
    maxBytes: BATCH_MAX_BYTES,
    sizeOf: ({ finish }) => finishBytes(finish),
    keyOf: ({ finish }) => finish.jobId,
    queueMax: 100_000,
    isPermanent: (error) => !isPassing(error),
  });
  const chunks = createKeyedBatcher<EndpointId, Chunk, boolean>({
    run: async (endpointId, batch) => {
      const taken = await appendChunks(context.store, endpointId, batch);
      const jobs = batch.filter((_, index) => taken[index] === true).map((chunk) => chunk.jobId);
      tellStreamed(context.broker, endpointId, [...new Set(jobs)]);
      return taken;
    },
    maxItems: BATCH_MAX_ITEMS,
    maxBytes: BATCH_MAX_BYTES,
    sizeOf: (chunk) => chunk.output.length,
    // A chunk without a number of its own is numbered by the statement, one a job.
    keyOf: (chunk) => (chunk.seq === null ? chunk.jobId : `${chunk.jobId}/${chunk.seq}`),
    queueMax: 100_000,
    isPermanent: (error) => !isPassing(error),
  });

  return {
    finish: (endpointId, finish, hooked) =>
      hold(finishBytes(finish), async (attempt) => {
        const taken = await results.add(endpointId, { finish, hooked });
        // After a commit whose outcome was not heard, a refusal may be our own success.
        return taken || (attempt.unknown && (await wasOurs(context, endpointId, finish)));
      }),
    append: (endpointId, chunk) => {
      const bytes = chunk.output.length;
      if (chunk.seq !== null) return hold(bytes, () => chunks.add(endpointId, chunk));
      const cameAtMs = performance.now();
      return inTurn(chunk.jobId, (before) =>
        hold(bytes, async () => {
          await before;
          const heldMs = performance.now() - cameAtMs;
          return chunks.add(endpointId, heldMs < FRESH_MS ? chunk : { ...chunk, heldMs });
        }),
      );
    },
    idle: async () => {
      await Promise.all([results.idle(), chunks.idle()]);
    },
  };
};

const finishBytes = (finish: Finish): number =>
  (finish.output?.length ?? 0) + (finish.error?.length ?? 0);

/**
 * Chunks without a number are stored in the order in which they came, also where one of them is
 * held: its worker may have given it up, because their connection broke, and sent the next one.
 */
const createTurns = () => {
  const last = new Map<JobId, Promise<unknown>>();
  return async <Result>(
    jobId: JobId,
    work: (before: Promise<unknown>) => Promise<Result>,
  ): Promise<Result> => {
    const result = work(last.get(jobId) ?? Promise.resolve());
    const ended = result.catch(() => undefined);
    last.set(jobId, ended);
    try {
      return await result;
    } finally {
      if (last.get(jobId) === ended) last.delete(jobId);
    }
  };
};

type Attempt = { unknown: boolean };

/** Repeats `work` while the database is away, within bounds of time and memory. */
const createHold = () => {
  let heldBytes = 0;
  return async <Result>(
    bytes: number,
    work: (attempt: Attempt) => Promise<Result>,
  ): Promise<Result> => {
    if (heldBytes + bytes > HELD_MAX_BYTES) {
      throw refuse('service.overloaded', 'Too many results wait for the database.', {
        retryAfterSeconds: 5,
      });
    }
    heldBytes += bytes;
    try {
      return await repeatWhileAway(work);
    } finally {
      heldBytes -= bytes;
    }
  };
};

const repeatWhileAway = async <Result>(
  work: (attempt: Attempt) => Promise<Result>,
): Promise<Result> => {
  const untilMs = performance.now() + HOLD_MS;
  const attempt: Attempt = { unknown: false };
  for (let pauseMs = 50; ; pauseMs = Math.min(pauseMs * 2, 1_000)) {
    try {
      return await work(attempt);
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      attempt.unknown ||= isOutcomeUnknown(error);
      if (performance.now() > untilMs) {
        throw refuse('store.unavailable', 'The database stayed away for two minutes.', {
          retryAfterSeconds: 5,
        });
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
};

const wasOurs = async (
  { store }: FinishContext,
  endpointId: EndpointId,
  finish: Finish,
): Promise<boolean> => {
  const job = (await readStatuses(store, endpointId, [finish.jobId])).get(finish.jobId);
  return (
    job?.state === finish.status &&
    job.workerId === finish.workerId &&
    (finish.claimNo === null || job.claimNo === finish.claimNo)
  );
};

const tellChanged = (
  broker: Pick<Broker, 'hint'>,
  endpointId: EndpointId,
  jobs: readonly JobId[],
): void => {
  if (jobs.length === 0) return;
  broker.hint(topics.changed, Buffer.from(JSON.stringify({ endpoint: endpointId, jobs })));
  broker.hint(topics.appended, NOTHING);
};

const tellStreamed = (
  broker: Pick<Broker, 'hint'>,
  endpointId: EndpointId,
  jobs: readonly JobId[],
): void => {
  if (jobs.length === 0) return;
  broker.hint(topics.changed, Buffer.from(JSON.stringify({ endpoint: endpointId, jobs })));
};
