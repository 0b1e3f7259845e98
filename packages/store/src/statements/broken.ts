import { type EndpointId, type JobId, jobIdOf } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import type { Statement } from '../statement.ts';

/** The jobs of an endpoint whose UUIDs lie behind `after`, up to `upTo`. */
export type JobRange = {
  readonly endpointId: EndpointId;
  readonly after: string;
  readonly upTo: string;
  /** How many there are. */
  readonly jobs: number;
};

/** What must never be. */
export type Broken = {
  /** A code of the rule that is broken. */
  readonly rule: string;
  readonly endpointId: EndpointId;
  /** Undefined where no single job is to blame. */
  readonly jobId: JobId | undefined;
  readonly what: string;
};

export type BrokenRow = { rule: string; job_id: string | null; what: string };

/** As many as one look tells; a thousand jobs with one fault are one defect. */
export const BROKEN_MAX = 100;

/** The rows of each table that a look at a range reads: always by an index, and once. */
export const IN_RANGE = 'endpoint_id = $1 and job_id > $2::uuid and job_id <= $3::uuid';

/**
 * Every job of the range with the place that it is in, and several rows for one that is in several.
 * All looks read one snapshot each, so a job in motion is where it was at that moment.
 */
export const PLACES = `places as materialized (
  select job_id, 'queue' as place, 'IN_QUEUE' as state, event_seq, claim_no, attempts
  from queue where ${IN_RANGE}
  union all
  select job_id, 'delayed', 'IN_QUEUE', 1, 0, 0 from delayed where ${IN_RANGE}
  union all
  select job_id, 'leases', 'IN_PROGRESS', event_seq, claim_no, attempts
  from leases where ${IN_RANGE}
  union all
  select job_id, 'results', status, event_seq, claim_no, attempts from results where ${IN_RANGE}
)`;

/** Runs a look at a range. It changes nothing and holds no snapshot when it returns. */
export const lookForBroken = async (
  store: Store,
  statement: Statement,
  { endpointId, after, upTo }: JobRange,
  values: readonly unknown[] = [],
): Promise<Broken[]> =>
  brokenIn(endpointId, await store.run(statement, [endpointId, after, upTo, ...values]));

/** The rows of a look as they are told. */
export const brokenIn = (endpointId: EndpointId, rows: readonly BrokenRow[]): Broken[] =>
  rows.map(({ rule, job_id: uuid, what }) => ({
    ...{ rule, endpointId, what },
    jobId: uuid === null ? undefined : jobIdOf(uuid),
  }));
