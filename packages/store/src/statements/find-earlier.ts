import type { EndpointId } from '@switchyard/contracts';
import { RANK, type Rank } from '@switchyard/lifecycle';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import { type ClaimFrom, timeOf } from './claim-jobs.ts';

const firstBefore = (rank: Rank, place: string): string => `(
    select floor(extract(epoch from deadline_at) * 1000)::bigint from queue
    where endpoint_id = $1 and rank = ${rank} and deadline_at > statement_timestamp()
      and deadline_at < ${place}::timestamptz
    order by deadline_at limit 1
  )`;

const STATEMENT = statement({
  name: 'find_earlier',
  text: `select ${firstBefore(RANK.high, '$2')} as high_ms,
    ${firstBefore(RANK.low, '$3')} as low_ms`,
});

type Row = { high_ms: number | null; low_ms: number | null };

/**
 * Where the jobs begin that claims from `from` pass over: the earliest deadline of each priority
 * before it, up to 1 ms too early; undefined where there is none. It locks nothing, so that claims
 * need not wait for it, however many dead rows it walks over.
 */
export const findEarlier = async (
  store: Store,
  endpointId: EndpointId,
  from: ClaimFrom,
): Promise<ClaimFrom> => {
  const values = [endpointId, timeOf(from.highMs), timeOf(from.lowMs)];
  const [row] = await store.runPinned<Row>(STATEMENT, values);
  return { highMs: row?.high_ms ?? undefined, lowMs: row?.low_ms ?? undefined };
};
