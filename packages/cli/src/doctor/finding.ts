/** What each check looks after; the order in which they are told. */
export const AREAS = ['configuration', 'database', 'clock', 'broker', 'server'] as const;
export type Area = (typeof AREAS)[number];

export const LEVELS = ['fine', 'warning', 'error'] as const;

/** One thing that was looked at. `code` is stable, for scripts. */
export type Finding = {
  readonly area: Area;
  readonly code: string;
  readonly level: (typeof LEVELS)[number];
  /** How it is, as one sentence. */
  readonly cause: string;
  /** What to do about it, as one line; of what is fine, nothing. */
  readonly remedy?: string;
};

type Found = readonly [code: string, cause: string, remedy: string];

/** The findings of one area. */
export const findingsOf = (area: Area) => ({
  fine: (code: string, cause: string): Finding => ({ area, code, level: 'fine', cause }),
  warning: (...[code, cause, remedy]: Found): Finding => ({
    ...{ area, code, level: 'warning', cause, remedy },
  }),
  error: (...[code, cause, remedy]: Found): Finding => ({
    ...{ area, code, level: 'error', cause, remedy },
  }),
});
