import type { Endpoint, EndpointId, Health, SwitchyardStatus } from '@switchyard/contracts';
import { priorityOf, waitingReason } from '@switchyard/lifecycle';
import {
  type JobStatus,
  POSITION_MAX,
  readCrashLoop,
  readHealth,
  readPosition,
  type Store,
} from '@switchyard/store';

export interface WaitingExplainer {
  /** Why a queued job waits, and where it stands; undefined for a job that is not queued. */
  explain(endpoint: Endpoint, status: JobStatus): Promise<SwitchyardStatus['waiting']>;
}

type Situation = { readonly health: Health; readonly crashError: string | undefined };

/** An endpoint's situation is the same for all its jobs: one read serves this long, in ms. */
const SITUATION_MS = 500;
const ENDPOINTS_MAX = 10_000;
const BEYOND = `${POSITION_MAX}+` as '1000+';

export const createWaitingExplainer = (store: Store): WaitingExplainer => {
  const known = new Map<
    EndpointId,
    { readonly atMs: number; readonly situation: Promise<Situation> }
  >();

  const situationOf = (id: EndpointId): Promise<Situation> => {
    const former = known.get(id);
    const nowMs = performance.now();
    if (former !== undefined && nowMs - former.atMs < SITUATION_MS) return former.situation;
    if (known.size >= ENDPOINTS_MAX) known.clear();
    const situation = readSituation(store, id);
    known.set(id, { atMs: nowMs, situation });
    // A failure is told to those who wait for it, and to nobody after them.
    situation.catch(() => known.delete(id));
    return situation;
  };

  return {
    explain: async (endpoint, status) => {
      if (status.state !== 'IN_QUEUE') return undefined;
      const id = endpoint.id as EndpointId;
      const [{ ahead, isHighWaiting }, { health, crashError }] = await Promise.all([
        readPosition(store, id, status),
        situationOf(id),
      ]);
      const reason = waitingReason({
        priority: priorityOf(status.rank),
        startAt: status.startAt,
        paused: endpoint.paused,
        running: health.jobs.inProgress,
        maxConcurrent: endpoint.limits.maxConcurrent,
        isHighWaiting,
        workers: health.workers,
        crashError,
      });
      return { reason, position: ahead < POSITION_MAX ? ahead + 1 : BEYOND };
    },
  };
};

const readSituation = async (store: Store, id: EndpointId): Promise<Situation> => {
  const health = await readHealth(store, id);
  // The error is wanted only where workers are held back by it.
  const crashError = health.workers.throttled > 0 ? await readCrashLoop(store, id) : undefined;
  return { health, crashError };
};
