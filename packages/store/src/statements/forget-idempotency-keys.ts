import type { EndpointId } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';

/** Keys that one statement forgets; the sweep repeats it until it comes back with fewer. */
export const FORGET_MAX_KEYS = 5_000;

const STATEMENT = statement({
  name: 'forget_idempotency_keys',
  text: `delete from idempotency where ctid = any (array(
    select ctid as spot from idempotency
    where endpoint_id = $1 and expires_at <= statement_timestamp()
    order by expires_at limit ${FORGET_MAX_KEYS} for update skip locked
  )) returning 1 as gone`,
});

/** Forgets up to FORGET_MAX_KEYS keys whose time is over. @returns how many. */
export const forgetIdempotencyKeys = async (
  store: Store,
  endpointId: EndpointId,
): Promise<number> => (await store.runPinned(STATEMENT, [endpointId])).length;
