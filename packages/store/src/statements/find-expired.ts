import type { EndpointId } from '@switchyard/contracts';
import type { Rank } from '@switchyard/lifecycle';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';

/** A sweep's only look over all endpoints; what it finds is then done endpoint by endpoint. */
const STATEMENT = statement({
  name: 'find_expired',
  text: `select endpoint_id, rank from endpoints
    cross join (values (0::smallint), (1::smallint), (2::smallint), (3::smallint)) as ranks (rank)
    where exists (select from queue where queue.endpoint_id = endpoints.endpoint_id
      and queue.rank = ranks.rank and queue.deadline_at <= statement_timestamp())`,
});

/** The jobs of one rank of an endpoint, of which some are past their deadline. */
export type ExpiredRank = { readonly endpointId: EndpointId; readonly rank: Rank };

/** Where jobs are past their deadline. */
export const findExpired = async (store: Store): Promise<ExpiredRank[]> => {
  const rows = await store.runPinned<{ endpoint_id: EndpointId; rank: Rank }>(STATEMENT, []);
  return rows.map((row) => ({ endpointId: row.endpoint_id, rank: row.rank }));
};
