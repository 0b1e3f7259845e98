import {
  type EndpointId,
  type InstanceId,
  type JobId,
  uuidOf,
  type WorkerId,
} from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';

export type WorkerState = 'starting' | 'live' | 'draining' | 'unhealthy';

export type WorkerSign = {
  readonly workerId: WorkerId;
  readonly state: WorkerState;
  /** Why it is unhealthy. */
  readonly reason: string | null;
  readonly slots: number;
  /** The jobs that it said it holds; undefined where this sign of life told nothing of them. */
  readonly inventory: readonly JobId[] | undefined;
};

const STATEMENT = statement({
  name: 'touch_workers',
  text: `insert into workers as known (endpoint_id, worker_id, instance, state, reason, slots,
  inventory, inventory_at)
select $1, worker_id, $2, state, left(reason, 1000), slots, coalesce(inventory::uuid[], '{}'),
  case when inventory is not null then statement_timestamp() end
from unnest($3::text[], $4::text[], $5::text[], $6::int[], $7::text[])
  as sign (worker_id, state, reason, slots, inventory)
order by worker_id
on conflict (endpoint_id, worker_id) do update set instance = excluded.instance,
  state = excluded.state, reason = excluded.reason, slots = excluded.slots,
  seen_at = statement_timestamp(),
  former_inventory = case when excluded.inventory_at is null then known.former_inventory
    else known.inventory end,
  former_inventory_at = case when excluded.inventory_at is null then known.former_inventory_at
    else known.inventory_at end,
  inventory = case when excluded.inventory_at is null then known.inventory
    else excluded.inventory end,
  inventory_at = coalesce(excluded.inventory_at, known.inventory_at)`,
});

/** Records signs of life of workers of one endpoint, with the last two inventories of each. */
export const touchWorkers = async (
  store: Store,
  endpointId: EndpointId,
  instance: InstanceId,
  signs: readonly WorkerSign[],
): Promise<void> => {
  await store.run(STATEMENT, [
    endpointId,
    instance,
    signs.map((sign) => sign.workerId),
    signs.map((sign) => sign.state),
    signs.map((sign) => sign.reason),
    signs.map((sign) => sign.slots),
    signs.map((sign) =>
      sign.inventory === undefined ? null : `{${sign.inventory.map(uuidOf).join(',')}}`,
    ),
  ]);
};
