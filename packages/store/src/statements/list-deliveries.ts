import type { EndpointId } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';

const LIST = statement({
  name: 'list_deliveries',
  text: `select d.delivery_id, d.job_id, d.url, d.outcome, d.created_at, d.closed_at, t.n,
    t.started_at, t.duration_ms, t.outcome as try_outcome, t.response_status, t.response_excerpt,
    t.error
  from (select * from deliveries where endpoint_id = $1
      and ($2::uuid is null or job_id = $2::uuid)
      order by created_at desc, delivery_id limit $3) as d
  left join delivery_tries as t on t.endpoint_id = $1 and t.delivery_id = d.delivery_id
  order by d.created_at desc, d.delivery_id, t.n`,
});

export type DeliveryRow = {
  delivery_id: string;
  job_id: string;
  url: string;
  outcome: 'delivered' | 'failed' | null;
  created_at: Date;
  closed_at: Date | null;
  n: number | null;
  started_at: Date | null;
  duration_ms: number | null;
  try_outcome: 'started' | 'delivered' | 'failed' | 'unknown' | null;
  response_status: number | null;
  response_excerpt: Buffer | null;
  error: string | null;
};

/** The newest deliveries of an endpoint (or of one job of it), a row for each try. */
export const listDeliveries = (
  store: Store,
  endpointId: EndpointId,
  jobUuid: string | null,
  limit: number,
): Promise<DeliveryRow[]> => store.run<DeliveryRow>(LIST, [endpointId, jobUuid, limit]);
