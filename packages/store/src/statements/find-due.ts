import type { EndpointId } from '@switchyard/contracts';
import type { Rank } from '@switchyard/lifecycle';
import type { Store } from '../open-store.ts';

/** A sweep's only look over all endpoints; what it finds is then done endpoint by endpoint. */
const EXPIRED = {
  name: 'find_expired',
  text: `select endpoint_id, rank from endpoints
    cross join (values (0::smallint), (1::smallint), (2::smallint), (3::smallint)) as ranks (rank)
    where exists (select from queue where queue.endpoint_id = endpoints.endpoint_id
      and queue.rank = ranks.rank and queue.deadline_at <= statement_timestamp())`,
};

/** Where jobs are past their deadline. */
export const findExpired = async (
  store: Store,
): Promise<{ endpointId: EndpointId; rank: Rank }[]> => {
  const rows = await store.runPinned<{ endpoint_id: EndpointId; rank: Rank }>(EXPIRED, []);
  return rows.map((row) => ({ endpointId: row.endpoint_id, rank: row.rank }));
};

const OVERDUE = {
  name: 'find_overdue',
  text: 'select distinct endpoint_id from leases where overdue_at <= statement_timestamp()',
};

/** Where jobs run past their executionTimeout. */
export const findOverdue = async (store: Store): Promise<EndpointId[]> => {
  const rows = await store.run<{ endpoint_id: EndpointId }>(OVERDUE, []);
  return rows.map((row) => row.endpoint_id);
};

const WAITING = {
  name: 'find_waiting',
  text: `select endpoint_id from unnest($1::text[]) as asked (endpoint_id)
    where exists (select from queue where queue.endpoint_id = asked.endpoint_id)`,
};

/** Which of `endpointIds` have jobs in their queue. */
export const findWaiting = async (
  store: Store,
  endpointIds: readonly EndpointId[],
): Promise<EndpointId[]> => {
  const rows = await store.runPinned<{ endpoint_id: EndpointId }>(WAITING, [endpointIds]);
  return rows.map((row) => row.endpoint_id);
};

const SWEEP_LOCK = {
  name: 'take_sweep_turn',
  text: 'select pg_try_advisory_xact_lock($1) as mine',
};

/**
 * Runs `work` unless another process does the same sweep now. The lock is held by a transaction of
 * its own, which `work` does not use.
 * @returns whether it ran.
 */
export const inSweepTurn = (
  store: Store,
  sweep: number,
  work: () => Promise<void>,
): Promise<boolean> =>
  store.inPinnedTransaction(async (run) => {
    const [row] = await run<{ mine: boolean }>(SWEEP_LOCK, [sweep]);
    if (row?.mine !== true) return false;
    await work();
    return true;
  });
