import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import {
  BROKEN_MAX,
  type Broken,
  IN_RANGE,
  type JobRange,
  lookForBroken,
  PLACES,
} from './broken.ts';

const STATEMENT = statement({
  name: 'find_foreign_chunks',
  text: `with ${PLACES},
streamed as materialized (
  select job_id, claim_no, count(*) as chunks from stream_chunks where ${IN_RANGE}
  group by job_id, claim_no
)
select 'chunks.claim' as rule, job_id,
  'has ' || chunks || ' chunks of claim ' || streamed.claim_no || ' and was claimed '
    || places.claim_no || ' times' as what
from streamed join places using (job_id)
where streamed.claim_no < 1 or streamed.claim_no > places.claim_no
limit ${BROKEN_MAX}`,
});

/** Chunks of claims that were never made. */
export const findForeignChunks = (store: Store, range: JobRange): Promise<Broken[]> =>
  lookForBroken(store, STATEMENT, range);
