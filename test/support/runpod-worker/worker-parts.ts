import type { WorkerConfig } from './config.ts';
import type { Journal } from './journal.ts';
import type { PollGuard } from './poll-guard.ts';
import type { Session } from './session.ts';
import type { Slots } from './slots.ts';

/** What the loops of one worker share. */
export type WorkerParts = Readonly<{
  config: WorkerConfig;
  journal: Journal;
  session: Session;
  slots: Slots;
  guard: PollGuard;
  /** Aborted by SIGTERM: polls that are held go on, new ones are not begun. */
  ending: AbortSignal;
  end(): void;
  /** Stops the pings, or lets them go on: for the worker that is thought dead and is not. */
  pausePings(): void;
  resumePings(): void;
}>;
