import type { ResolvedSettings } from '@switchyard/contracts';

/** What a scale decision looks at. Low-priority jobs are not among `queuedHigh`. */
export type Load = {
  readonly queuedHigh: number;
  readonly running: number;
  readonly oldestHighWaitMs: number;
};

type Scaling = Pick<ResolvedSettings, 'scaling' | 'worker'>;

/**
 * The number of workers that an endpoint should have, within minimum..maximum. QUEUE_DELAY adds
 * one worker beyond the busy ones while the oldest job has waited longer than `value` seconds;
 * REQUEST_COUNT wants one worker for each `value` requests queued or running.
 */
export const desiredWorkers = (settings: Scaling, load: Load): number => {
  const worker = settings.worker;
  if (worker === null) return 0;
  const busy = Math.ceil(load.running / worker.concurrency);
  const wanted = wantedBy(settings.scaling, load, busy);
  return Math.min(Math.max(wanted, busy, worker.minimum), worker.maximum);
};

const wantedBy = (scaling: ResolvedSettings['scaling'], load: Load, busy: number): number => {
  switch (scaling.rule) {
    case 'QUEUE_DELAY':
      if (load.queuedHigh === 0) return busy;
      return busy === 0 || load.oldestHighWaitMs > scaling.value * 1_000 ? busy + 1 : busy;
    case 'REQUEST_COUNT':
      return Math.ceil((load.queuedHigh + load.running) / scaling.value);
    default:
      throw new TypeError(`no such scaling rule: ${scaling.rule satisfies never}`);
  }
};
