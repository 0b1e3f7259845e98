import type { WorkerConfig } from './config.ts';
import type { Journal } from './journal.ts';
import { guardPolls } from './poll-guard.ts';
import { openSession } from './session.ts';
import { openSlots } from './slots.ts';
import type { Pings } from './start-pings.ts';
import type { WorkerParts } from './worker-parts.ts';

/** The parts of a worker; `runAway` is called when the server lets it ask far too often. */
export const assembleWorker = (
  config: WorkerConfig,
  journal: Journal,
  pings: Pings,
  runAway: () => void,
): WorkerParts => {
  const ending = new AbortController();
  return {
    config,
    journal,
    session: openSession(config),
    slots: openSlots(config.concurrency, pings.list),
    guard: guardPolls(config.pollsPerSecondMax, (count) => {
      journal.record({ event: 'runaway', count });
      runAway();
    }),
    ending: ending.signal,
    end: () => ending.abort(),
    pausePings: () => pings.signal('SIGSTOP'),
    resumePings: () => pings.signal('SIGCONT'),
  };
};
