import type { Measure } from './measure.ts';
import { BACKLOG } from './measures/backlog.ts';
import { BULK_DONE } from './measures/bulk-done.ts';
import { BULK_SUBMISSION } from './measures/bulk-submission.ts';
import { COST } from './measures/cost.ts';
import { DRAIN } from './measures/drain.ts';
import { END_TO_END, GUARD } from './measures/end-to-end.ts';
import { GUARDS } from './measures/guards.ts';
import { HELD_TRANSACTION } from './measures/held-transaction.ts';
import { HTTP_ACCEPT } from './measures/http-accept.ts';
import { MEMORY_GROWTH } from './measures/memory-growth.ts';
import { MORE_PROCESSES } from './measures/more-processes.ts';
import { NO_AUTOVACUUM } from './measures/no-autovacuum.ts';
import { NO_STATISTICS } from './measures/no-statistics.ts';
import { RUNPOD_WORKER } from './measures/runpod-worker.ts';
import { RUNSYNC } from './measures/runsync.ts';
import { START_LATENCY } from './measures/start-latency.ts';
import { STATUS_READS } from './measures/status-reads.ts';
import { WEBHOOKS } from './measures/webhooks.ts';

/** Every measure, in the order in which they run. */
export const MEASURES: readonly Measure[] = [
  GUARD,
  HTTP_ACCEPT,
  END_TO_END,
  RUNSYNC,
  BULK_SUBMISSION,
  BULK_DONE,
  DRAIN,
  START_LATENCY,
  RUNPOD_WORKER,
  STATUS_READS,
  WEBHOOKS,
  COST,
  MORE_PROCESSES,
  GUARDS,
  BACKLOG,
  HELD_TRANSACTION,
  NO_AUTOVACUUM,
  NO_STATISTICS,
  MEMORY_GROWTH,
];
