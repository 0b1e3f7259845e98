/** The jobs that the worker has taken and not finished: what its pings list. */
export type Slots = {
  free(): number;
  /** Ids of the jobs that wait or run in this worker, oldest first. */
  listed(): string[];
  /** Lists `jobId`. `stop` cancels it; without one it can only be waited for. */
  hold(jobId: string, stop?: AbortController): void;
  release(jobId: string): void;
  /** Cancels the job when it is here and can be. An unknown id is passed over in silence. */
  cancel(jobId: string): void;
  /** Resolves when a job was released. */
  released(): Promise<void>;
};

/** `changed` is told the new list each time. */
export const openSlots = (size: number, changed: (jobIds: string[]) => void): Slots => {
  const held = new Map<string, AbortController | undefined>();
  let release = Promise.withResolvers<void>();
  return {
    free: () => Math.max(0, size - held.size),
    listed: () => [...held.keys()],
    hold(jobId, stop) {
      held.set(jobId, stop);
      changed([...held.keys()]);
    },
    release(jobId) {
      held.delete(jobId);
      changed([...held.keys()]);
      release.resolve();
      release = Promise.withResolvers<void>();
    },
    cancel: (jobId) => held.get(jobId)?.abort(),
    released: () => release.promise,
  };
};
