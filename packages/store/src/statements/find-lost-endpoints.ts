import type { EndpointId } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import { type Broken, type BrokenRow, brokenIn } from './broken.ts';

/** No endpoint with rows of these is deleted. */
const UNDER_WAY = ['queue', 'delayed', 'leases'] as const;
const TABLES = [...UNDER_WAY, 'results', 'jobs', 'events', 'deliveries'] as const;

/** Steps from one endpoint to the next by the index, which costs a look-up for each of them. */
const stepThrough = (table: string): string => `${table}_endpoints as (
  select min(endpoint_id) as endpoint_id from ${table}
  union all
  select (select min(${table}.endpoint_id) from ${table}
    where ${table}.endpoint_id > ${table}_endpoints.endpoint_id)
  from ${table}_endpoints where ${table}_endpoints.endpoint_id is not null
)`;

const STATEMENT = statement({
  name: 'find_lost_endpoints',
  text: `with recursive ${TABLES.map(stepThrough).join(',\n')},
used as (
  ${TABLES.map((table) => `select endpoint_id, '${table}' as name from ${table}_endpoints`).join(
    '\n  union all\n  ',
  )}
)
select 'rows.no_endpoint' as rule, endpoint_id, null::uuid as job_id,
  'is gone but for ' || string_agg(name, ', ' order by name) as what
from used where endpoint_id is not null and not exists (
  select from endpoints where endpoints.endpoint_id = used.endpoint_id)
and (name in (${UNDER_WAY.map((table) => `'${table}'`).join(', ')}) or not exists (
  select from deleted_endpoints where deleted_endpoints.endpoint_id = used.endpoint_id))
group by endpoint_id`,
});

/** Endpoints that are gone while rows of them are still there that nobody is about to delete. */
export const findLostEndpoints = async (store: Store): Promise<Broken[]> => {
  const rows = await store.run<BrokenRow & { endpoint_id: EndpointId }>(STATEMENT, []);
  return rows.flatMap((row) => brokenIn(row.endpoint_id, [row]));
};
