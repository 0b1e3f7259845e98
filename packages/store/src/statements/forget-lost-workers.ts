import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';

const STATEMENT = statement({
  name: 'forget_lost_workers',
  text: `delete from workers where seen_at < statement_timestamp() - interval '1 hour'
    and not exists (select from leases where leases.endpoint_id = workers.endpoint_id
      and leases.worker_id = workers.worker_id)
    or not exists (select from endpoints where endpoints.endpoint_id = workers.endpoint_id)`,
});

/**
 * Forgets workers that were not heard of for an hour and hold nothing, and those of endpoints that
 * are gone: a supervisor that did not hear of a deletion yet may have told of some behind it.
 */
export const forgetLostWorkers = async (store: Store): Promise<void> => {
  await store.run(STATEMENT, []);
};
