import type { EndpointId } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import { byteaArray, intArray, textArray, uuidArray } from './arrays.ts';
import { IS_UNDER_WAY, TRIES_MAX } from './deliveries.ts';

/** From the end of a failed try to the next, in ms. RunPod's documentation: ten seconds apart. */
export const RETRY_AFTER_MS = 10_000;

/**
 * A delivery is looked up as the first from its id on, since only its key gives that order: for one
 * with that id, Postgres may take another index and read all deliveries of the endpoint.
 */
const RECORD = statement({
  name: 'record_delivery_tries',
  text: `with ended as materialized (
  select * from unnest($2::uuid[], $3::int[], $4::text[], $5::int[], $6::int[], $7::bytea[],
    $8::text[]) as e
  (delivery_id, n, known, took_ms, answer_status, answer_excerpt, reason)
),
held as materialized (
  select own.spot, ended.* from ended cross join lateral (
    select ctid as spot, delivery_id, trying, ${IS_UNDER_WAY} and closed_at is null as is_open
    from deliveries where endpoint_id = $1 and deliveries.delivery_id >= ended.delivery_id
    order by deliveries.delivery_id limit 1 for update
  ) as own
  where own.delivery_id = ended.delivery_id and own.trying = ended.n and own.is_open
),
told as (
  update deliveries set tries = tries + 1,
    outcome = case when known = 'delivered' then 'delivered'
      when tries + 1 >= ${TRIES_MAX} then 'failed' end,
    closed_at = case when known = 'delivered' or tries + 1 >= ${TRIES_MAX}
      then statement_timestamp() end,
    due_at = case when known = 'delivered' then due_at
      else statement_timestamp() + ${RETRY_AFTER_MS} * interval '1 ms' end,
    lost_at = null
  from held where deliveries.endpoint_id = $1 and deliveries.ctid = held.spot
  returning held.*
),
tried as materialized (
  select own.spot as try_spot, told.* from told cross join lateral (
    select ctid as spot from delivery_tries
    where delivery_tries.endpoint_id = $1 and delivery_tries.delivery_id = told.delivery_id
      and delivery_tries.n = told.n
    limit 1
  ) as own
),
recorded as (
  update delivery_tries set outcome = known, duration_ms = took_ms,
    response_status = answer_status, response_excerpt = answer_excerpt, error = reason
  from tried where delivery_tries.ctid = tried.try_spot
)
select count(*)::int as count from told`,
});

/** How the try `n` of a delivery ended. */
export type DeliveryTry = {
  readonly deliveryId: string;
  readonly n: number;
  readonly delivered: boolean;
  readonly durationMs: number;
  readonly responseStatus: number | null;
  /** The first 1,024 bytes of the answer. */
  readonly responseExcerpt: Buffer | null;
  readonly error: string | null;
};

/**
 * Records the ends of tries: delivered, or due again after RETRY_AFTER_MS, or failed for good. One
 * that is no longer `started` changes nothing, nor does one whose delivery another statement moved
 * meanwhile, as a retry of its job does: say such a one again. `tries` must not hold one delivery
 * twice.
 * @returns how many were recorded.
 */
export const recordDeliveryTries = async (
  store: Store,
  endpointId: EndpointId,
  tries: readonly DeliveryTry[],
): Promise<number> => {
  if (tries.length === 0) return 0;
  const [row] = await store.runPinned<{ count: number }>(RECORD, [
    endpointId,
    uuidArray(tries.map(({ deliveryId }) => deliveryId)),
    intArray(tries.map(({ n }) => n)),
    textArray(tries.map(({ delivered }) => (delivered ? 'delivered' : 'failed'))),
    intArray(tries.map(({ durationMs }) => Math.round(durationMs))),
    intArray(tries.map(({ responseStatus }) => responseStatus)),
    byteaArray(tries.map(({ responseExcerpt }) => responseExcerpt)),
    textArray(tries.map(({ error }) => error)),
  ]);
  return row?.count ?? 0;
};
