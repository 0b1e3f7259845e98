import type { Broker } from '@switchyard/broker';
import { type Demand, type EndpointId, type InstanceId, topics } from '@switchyard/contracts';
import { freeSlots, type WorkerBook } from './track-workers.ts';

/** A scheduler whose beat is older than this is not asked any more, in ms; it beats each second. */
const BEAT_STALE_MS = 3_000;

export interface DemandSender {
  /** Something changed: the demand goes out once this turn of the event loop is over. */
  changed(): void;
  /** Sends the demand as it stands. */
  send(): void;
  hearBeat(scheduler: InstanceId): void;
  /** The last assign of a scheduler that was received here. */
  hearAssign(scheduler: InstanceId, k: number): void;
  /** Whether some scheduler would hear the demand. */
  isHeard(): boolean;
  /** Calls `claim` when the demand changed and nobody heard it. */
  onUnheard(claim: () => void): void;
}

/** Tells one scheduler, the same while it lives, how many jobs each worker would take now. */
export const createDemandSender = (
  broker: Pick<Broker, 'hint' | 'stats'>,
  instance: InstanceId,
  workers: () => WorkerBook,
): DemandSender => {
  const beats = new Map<InstanceId, number>();
  const seen = new Map<InstanceId, number>();
  let chosen: InstanceId | undefined;
  let n = 0;
  let due = false;
  let claim: () => void = () => undefined;

  const choose = (): InstanceId | undefined => {
    const staleBefore = performance.now() - BEAT_STALE_MS;
    for (const [scheduler, atMs] of beats) if (atMs < staleBefore) beats.delete(scheduler);
    if (chosen === undefined || !beats.has(chosen)) chosen = [...beats.keys()].sort()[0];
    return chosen;
  };

  const send = (): void => {
    const scheduler = choose();
    if (scheduler === undefined) return;
    n += 1;
    const demand: Demand = {
      instance,
      n,
      seen: seen.get(scheduler) ?? 0,
      endpoints: demandOf(workers()),
    };
    broker.hint(topics.demand(scheduler), Buffer.from(JSON.stringify(demand)));
  };

  const isHeard = (): boolean => broker.stats().connected && choose() !== undefined;

  return {
    changed: () => {
      if (due) return;
      due = true;
      setImmediate(() => {
        due = false;
        if (isHeard()) send();
        else claim();
      });
    },
    send,
    hearBeat: (scheduler) => {
      const isNew = !beats.has(scheduler);
      beats.set(scheduler, performance.now());
      if (!isNew) return;
      // Who comes back after that is told that nothing was seen, as after a restart of ours.
      for (const other of seen.keys()) if (!beats.has(other)) seen.delete(other);
      send();
    },
    hearAssign: (scheduler, k) => {
      seen.set(scheduler, Math.max(k, seen.get(scheduler) ?? 0));
    },
    isHeard,
    onUnheard: (wake) => {
      claim = wake;
    },
  };
};

/** The free slots of every worker, by endpoint; workers without any are left out. */
export const demandOf = (workers: WorkerBook): Demand['endpoints'] => {
  const endpoints = new Map<EndpointId, { worker: string; free: number }[]>();
  for (const worker of workers.all()) {
    const free = freeSlots(worker);
    if (free === 0) continue;
    const rows = endpoints.get(worker.endpointId) ?? [];
    rows.push({ worker: worker.workerId, free });
    endpoints.set(worker.endpointId, rows);
  }
  return [...endpoints].map(([endpoint, rows]) => ({ endpoint, workers: rows }));
};
