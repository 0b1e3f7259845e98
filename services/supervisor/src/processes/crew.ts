import type { EndpointId } from '@switchyard/contracts';
import type { WorkerBook } from '../track-workers.ts';
import type { WorkerPlan } from './describe-worker.ts';
import { FRESH, type Pace, paceAfterLife, QUICK_MS } from './pace-restarts.ts';
import type { HostedProcess } from './worker-host.ts';

export type Member = Omit<HostedProcess, 'pid'> & {
  /** When it was decided to start it. */
  readonly plannedMs: number;
  state: 'starting' | 'running' | 'ending';
  startedMs: number;
};

/** The worker processes of one endpoint. */
export type Crew = {
  readonly endpointId: EndpointId;
  /** By worker id. One that is ending counts until it is gone: two may not fit the machine. */
  readonly members: Map<string, Member>;
  /** Undefined: the endpoint has no workers here. */
  readonly plan: WorkerPlan | undefined;
  pace: Pace;
  lastError: string;
  /** Takes the plan as it is now; a change of it is a fresh start for workers that failed. */
  follow(plan: WorkerPlan | undefined): void;
  /** Clears the memory of failures when a worker that came after them lives. */
  noteLife(nowMs: number): void;
  startingCount(): number;
  /** How many workers are missing for good while the crew fails again and again. */
  heldBackCount(nowMs: number): number;
  /** The members that are not wanted any more, those with the fewest jobs first. */
  surplus(workers: Pick<WorkerBook, 'find'>): readonly Member[];
};

export const memberOf = (
  { workerId, endpointId, killAfterMs, keyId, shape }: Omit<HostedProcess, 'pid'>,
  state: Member['state'],
  nowMs: number,
): Member => {
  const kept = { workerId, endpointId, killAfterMs, keyId, shape };
  return { ...kept, plannedMs: nowMs, state, startedMs: nowMs };
};

export const createCrew = (endpointId: EndpointId): Crew => {
  const members: Crew['members'] = new Map();
  let plan: WorkerPlan | undefined;
  const crew: Crew = {
    endpointId,
    members,
    get plan() {
      return plan;
    },
    pace: FRESH,
    lastError: '',
    follow: (next) => {
      if (next?.shape !== plan?.shape || next?.minimum !== plan?.minimum) crew.pace = FRESH;
      plan = next;
    },
    noteLife: (nowMs) => {
      for (const { state, plannedMs, startedMs } of members.values()) {
        const life = { plannedMs, ranMs: nowMs - startedMs };
        if (state === 'running') crew.pace = paceAfterLife(crew.pace, life);
      }
    },
    startingCount: () => [...members.values()].filter(({ state }) => state === 'starting').length,
    heldBackCount: (nowMs) => {
      const living = [...members.values()].filter(
        ({ state, startedMs }) => state === 'running' && nowMs - startedMs >= QUICK_MS,
      );
      return Math.max(0, (plan?.minimum ?? 0) - living.length);
    },
    surplus: (workers) => {
      const stay = [...members.values()].filter(({ state }) => state !== 'ending');
      const outdated = stay.filter((member) => member.shape !== plan?.shape);
      const right = stay.filter((member) => member.shape === plan?.shape);
      const tooMany = Math.max(0, right.length - (plan?.minimum ?? 0));
      const holds = (member: Member): number =>
        workers.find(member.endpointId, member.workerId)?.holds.size ?? 0;
      const idleFirst = right.sort((one, other) => holds(one) - holds(other));
      return [...outdated, ...idleFirst.slice(0, tooMany)];
    },
  };
  return crew;
};
