import type { Demand, EndpointId, InstanceId, WorkerId } from '@switchyard/contracts';
import type { Seat } from '@switchyard/store';

/** A supervisor that was silent for this long wants nothing more, in ms; it repeats each 1 s. */
const DEMAND_STALE_MS = 3_500;
/** An assign that its supervisor did not confirm by then was lost, in ms: its seats are free. */
const ASSIGN_LOST_MS = 3_000;

type Sent = { readonly k: number; readonly worker: string; readonly count: number; atMs: number };

type Supervisor = {
  n: number;
  heardAtMs: number;
  k: number;
  /** Free slots as last announced: endpoint, then worker. */
  free: Map<string, Map<string, number>>;
  /** What was assigned since, by endpoint. */
  sent: Map<string, Sent[]>;
};

/** What every supervisor has room for, as far as this scheduler knows. */
export interface DemandBook {
  /** Takes a demand in. @returns the endpoints in which seats became free by it. */
  hear(demand: Demand): EndpointId[];
  /** The free seats of an endpoint, one worker after the other, at most `limit`. */
  seatsOf(endpointId: EndpointId, limit: number): Seat[];
  /** Books claimed seats. @returns the numbers for the assign: see AssignSchema. */
  book(
    endpointId: EndpointId,
    instance: InstanceId,
    workers: readonly WorkerId[],
  ): { k: number; n: number };
  /** Every endpoint with a free seat. */
  wanting(): EndpointId[];
}

/** @param nowMs a monotonic clock. */
export const createDemandBook = (nowMs: () => number = () => performance.now()): DemandBook => {
  const supervisors = new Map<string, Supervisor>();

  const alive = (): [string, Supervisor][] => {
    const staleBefore = nowMs() - DEMAND_STALE_MS;
    for (const [instance, supervisor] of supervisors) {
      if (supervisor.heardAtMs < staleBefore) supervisors.delete(instance);
    }
    return [...supervisors];
  };

  return {
    hear: (demand) => {
      const known = supervisors.get(demand.instance);
      if (known !== undefined && demand.n <= known.n) return [];
      const before = known ?? { n: 0, heardAtMs: 0, k: 0, free: new Map(), sent: new Map() };
      const had = countFree(before);
      before.n = demand.n;
      before.heardAtMs = nowMs();
      before.free = new Map(
        demand.endpoints.map(({ endpoint, workers }) => [
          endpoint,
          new Map(workers.map(({ worker, free }) => [worker, free])),
        ]),
      );
      forgetConfirmed(before, demand.seen, nowMs() - ASSIGN_LOST_MS);
      supervisors.set(demand.instance, before);
      const has = countFree(before);
      return [...has].flatMap(([endpoint, free]) =>
        free > (had.get(endpoint) ?? 0) ? [endpoint as EndpointId] : [],
      );
    },
    seatsOf: (endpointId, limit) => {
      const rows = alive().flatMap(([instance, supervisor]) =>
        [...freeOf(supervisor, endpointId)].map(([worker, free]) => ({ instance, worker, free })),
      );
      return dealOut(rows, limit);
    },
    book: (endpointId, instance, workers) => {
      const supervisor = supervisors.get(instance);
      if (supervisor === undefined) return { k: 0, n: 0 };
      supervisor.k += 1;
      const sent = supervisor.sent.get(endpointId) ?? [];
      supervisor.sent.set(endpointId, sent);
      for (const [worker, count] of tally(workers)) {
        sent.push({ k: supervisor.k, worker, count, atMs: nowMs() });
      }
      return { k: supervisor.k, n: supervisor.n };
    },
    wanting: () => {
      const endpoints = new Set<EndpointId>();
      for (const [, supervisor] of alive()) {
        for (const [endpoint, free] of countFree(supervisor)) {
          if (free > 0) endpoints.add(endpoint as EndpointId);
        }
      }
      return [...endpoints];
    },
  };
};

const forgetConfirmed = (supervisor: Supervisor, seen: number, lostBeforeMs: number): void => {
  for (const [endpoint, sent] of supervisor.sent) {
    const open = sent.filter((assign) => assign.k > seen && assign.atMs > lostBeforeMs);
    if (open.length === 0) supervisor.sent.delete(endpoint);
    else supervisor.sent.set(endpoint, open);
  }
};

const freeOf = (supervisor: Supervisor, endpoint: string): Map<string, number> => {
  const free = new Map(supervisor.free.get(endpoint));
  for (const assign of supervisor.sent.get(endpoint) ?? []) {
    const left = (free.get(assign.worker) ?? 0) - assign.count;
    if (left > 0) free.set(assign.worker, left);
    else free.delete(assign.worker);
  }
  return free;
};

const countFree = (supervisor: Supervisor): Map<string, number> =>
  new Map(
    [...supervisor.free.keys()].map((endpoint) => [
      endpoint,
      [...freeOf(supervisor, endpoint).values()].reduce((sum, free) => sum + free, 0),
    ]),
  );

const tally = (workers: readonly WorkerId[]): Map<WorkerId, number> => {
  const counts = new Map<WorkerId, number>();
  for (const worker of workers) counts.set(worker, (counts.get(worker) ?? 0) + 1);
  return counts;
};

/** Round by round, so that few jobs spread over many workers. */
const dealOut = (
  rows: { instance: string; worker: string; free: number }[],
  limit: number,
): Seat[] => {
  const seats: Seat[] = [];
  let open = rows.filter((row) => row.free > 0);
  while (open.length > 0 && seats.length < limit) {
    for (const row of open) {
      if (seats.length === limit) break;
      seats.push({ workerId: row.worker as WorkerId, instance: row.instance as InstanceId });
      row.free -= 1;
    }
    open = open.filter((row) => row.free > 0);
  }
  return seats;
};
