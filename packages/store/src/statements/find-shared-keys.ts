import type { EndpointId } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import { BROKEN_MAX, type Broken, type BrokenRow, brokenIn } from './broken.ts';

/** Keys are in no order of their jobs, so all that are looked at have to be compared at once. */
const LOOK_MAX = 1_000_000;

const STATEMENT = statement({
  name: 'find_shared_keys',
  text: `with held as (
  select job_id from idempotency where endpoint_id = $1 limit ${LOOK_MAX}
)
select 'keys.job' as rule, job_id, 'answers to ' || count(*) || ' idempotency keys' as what
from held group by job_id having count(*) > 1
limit ${BROKEN_MAX}`,
});

/** Jobs that several idempotency keys name; of an endpoint with over a million keys, of so many. */
export const findSharedKeys = async (store: Store, endpointId: EndpointId): Promise<Broken[]> =>
  brokenIn(endpointId, await store.run<BrokenRow>(STATEMENT, [endpointId]));
