import type { Broker } from '@switchyard/broker';
import type { EndpointId, InstanceId } from '@switchyard/contracts';
import { topics } from '@switchyard/contracts';
import {
  ESCALATE_MAX_JOBS,
  EXPIRE_MAX_JOBS,
  type ExpiredRank,
  endOverdueJobs,
  escalateJobs,
  expireJobs,
  type LostLease,
  requeueJobs,
  START_MAX_JOBS,
  type Store,
  startDelayed,
} from '@switchyard/store';
import { tellChanged, tellStops } from './tell-changes.ts';

export type SweepContext = {
  readonly store: Store;
  readonly broker: Pick<Broker, 'hint'>;
  readonly instance: InstanceId;
};

/** One turn lasts about this long, in ms: its lock's transaction must not stay idle for 10,000. */
export const TURN_MS = 4_000;
const NOTHING = new Uint8Array();

/** Ends queued jobs that are past their deadline; what a turn has no time for the next one does. */
export const sweepExpired = async (
  { store, broker, instance }: SweepContext,
  due: readonly ExpiredRank[],
): Promise<void> => {
  const untilMs = performance.now() + TURN_MS;
  for (const { endpointId, rank } of due) {
    for (let more = true; more && performance.now() < untilMs; ) {
      const ended = await expireJobs(store, endpointId, `${instance}/expire`, rank);
      if (ended.length > 0) tellChanged(broker, endpointId, ended);
      more = ended.length === EXPIRE_MAX_JOBS;
    }
  }
};

/** Queues the jobs whose start time has come. */
export const sweepStartable = async (
  { store, broker }: SweepContext,
  due: readonly EndpointId[],
): Promise<void> => {
  const untilMs = performance.now() + TURN_MS;
  for (const endpointId of due) {
    for (let more = true; more && performance.now() < untilMs; ) {
      const { length } = await startDelayed(store, endpointId);
      if (length > 0) broker.hint(topics.nudge(endpointId), NOTHING);
      more = length === START_MAX_JOBS;
    }
  }
};

/** Counts low jobs as high that have waited long enough, before they can starve. */
export const sweepEscalating = async (
  { store, broker }: SweepContext,
  due: readonly EndpointId[],
): Promise<void> => {
  const untilMs = performance.now() + TURN_MS;
  for (const endpointId of due) {
    for (let more = true; more && performance.now() < untilMs; ) {
      const { raised, escalated } = await escalateJobs(store, endpointId);
      if (raised > 0) broker.hint(topics.nudge(endpointId), NOTHING);
      if (escalated > 0) broker.hint(topics.appended, NOTHING);
      more = raised === ESCALATE_MAX_JOBS;
    }
  }
};

/** Ends running jobs that are past their executionTimeout, and has their workers stop them. */
export const sweepOverdue = async (
  { store, broker, instance }: SweepContext,
  due: readonly EndpointId[],
): Promise<void> => {
  for (const endpointId of due) {
    const ended = await endOverdueJobs(store, endpointId, `${instance}/overdue`);
    tellStops(broker, endpointId, 'overrun', ended);
    tellChanged(
      broker,
      endpointId,
      ended.map((job) => job.jobId),
    );
  }
};

/** Takes jobs back from workers that fell silent or dropped them. */
export const sweepLost = async (
  { store, broker, instance }: SweepContext,
  lost: readonly LostLease[],
): Promise<void> => {
  for (const [endpointId, leases] of Map.groupBy(lost, (lease) => lease.endpointId)) {
    for (const [reason, claims] of Map.groupBy(leases, (lease) => lease.reason)) {
      const process = `${instance}/recover`;
      const { requeued, failed } = await requeueJobs(store, endpointId, process, reason, claims);
      const moved = new Set([...requeued, ...failed]);
      tellStops(
        broker,
        endpointId,
        'not_held',
        claims.filter((claim) => moved.has(claim.jobId)),
      );
      tellChanged(broker, endpointId, [...moved]);
      broker.hint(topics.nudge(endpointId), NOTHING);
    }
  }
};
