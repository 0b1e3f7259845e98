import type { EventJournal } from '../load/follow-events.ts';
import type { Watch } from '../load/watch-completions.ts';
import type { Checks } from '../support/checks.ts';

/** The load, in posts a second. */
export const PER_SECOND = 100;

/** A job as its status tells: when it was accepted, in ms since 1970, and how long it waited. */
export type Waited = { readonly acceptedAtMs: number; readonly delayMs: number };

/** What was seen, for the judges. Moments are in ms since 1970. */
export type Seen = {
  readonly checks: Checks;
  readonly stoppedAtMs: number;
  readonly returnedAtMs: number;
  readonly endedAtMs: number;
  readonly watch: Watch;
  readonly journal: EventJournal;
  /** Each acknowledged job by its id. */
  readonly jobs: ReadonlyMap<string, Waited>;
};
