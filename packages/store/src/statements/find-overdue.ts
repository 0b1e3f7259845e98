import type { EndpointId } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';

/** Well below the shortest executionTimeout (5,000 ms): who looks as often misses none; in ms. */
const AHEAD_MS = 4_000;

/** Reads all leases, which are few, and the rows of former ones that were not cleared away yet. */
const STATEMENT = statement({
  name: 'find_overdue',
  text: `select endpoint_id,
    floor(extract(epoch from min(overdue_at) - statement_timestamp()) * 1000)::bigint as left_ms
  from leases where overdue_at <= statement_timestamp() + ${AHEAD_MS} * interval '1 ms'
  group by endpoint_id`,
});

export type OverdueLook = {
  /** Where jobs run past their executionTimeout. */
  readonly endpointIds: readonly EndpointId[];
  /** How long there will be none that is not one now, in ms. */
  readonly quietMs: number;
};

/** Where jobs run past their executionTimeout, and when the next ones may. */
export const findOverdue = async (store: Store): Promise<OverdueLook> => {
  type Row = { endpoint_id: EndpointId; left_ms: number };
  const rows = await store.run<Row>(STATEMENT, []);
  return {
    endpointIds: rows.filter((row) => row.left_ms <= 0).map((row) => row.endpoint_id),
    quietMs: Math.max(0, Math.min(AHEAD_MS, ...rows.map((row) => row.left_ms))),
  };
};
