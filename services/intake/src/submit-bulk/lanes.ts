/** Places for a few that work at once, each with a name that no other one has meanwhile. */
export type Lanes = {
  /** Runs `work` once a lane is free; first come, first served. */
  readonly run: <Result>(work: (lane: string) => Promise<Result>) => Promise<Result>;
};

/** `count` lanes, named `name-1` and so on. */
export const createLanes = (name: string, count: number): Lanes => {
  const free = Array.from({ length: count }, (_, at) => `${name}-${at + 1}`);
  const waiting: ((lane: string) => void)[] = [];

  const enter = (): Promise<string> => {
    const lane = free.shift();
    return lane === undefined
      ? new Promise((resolve) => waiting.push(resolve))
      : Promise.resolve(lane);
  };

  const leave = (lane: string): void => {
    const next = waiting.shift();
    if (next === undefined) free.push(lane);
    else next(lane);
  };

  return {
    run: async (work) => {
      const lane = await enter();
      try {
        return await work(lane);
      } finally {
        leave(lane);
      }
    },
  };
};
