/** Wakes one that waits for any of several things, of which none keeps a promise for each wait. */
export type Bell = {
  readonly ring: () => void;
  /** Resolves once it has rung since this was last asked. */
  readonly heard: () => Promise<void>;
};

/** A bell that has not rung. */
export const createBell = (): Bell => {
  let next = Promise.withResolvers<void>();
  return {
    ring: () => next.resolve(),
    heard: async () => {
      await next.promise;
      next = Promise.withResolvers<void>();
    },
  };
};
