import {
  type EndpointId,
  type JobId,
  jobIdOf,
  type StatusParts,
  type TerminalState,
} from '@switchyard/contracts';
import { priorityOf, type Rank } from '@switchyard/lifecycle';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import { READ_MAX_BYTES } from './bounds.ts';
import { lookUp } from './lookup.ts';

/** Known tries of one delivery; tries with an unknown outcome are counted apart. */
export const TRIES_MAX = 3;
/** A try that did not report back after this long is closed as unknown, in ms. */
const TRY_LOST_MS = 30_000;
/**
 * How many due deliveries one take looks at, for each that it may take, so that a long backlog
 * costs no more. Those of a target that it fills are passed over by the next take.
 */
const LOOKS = 2;
const LOOK_MAX = 512;

/**
 * It is time for a try, and none is under way whose sender may live. While one is, `due_at` stays
 * as it was, since an entry of its index for each try would cost more than all else; so whoever
 * looks passes those by, which senders keep few.
 */
const IS_DUE = `closed_at is null and due_at <= statement_timestamp()
      and (lost_at is null or lost_at <= statement_timestamp())`;

/** The first of each endpoint's index; asked whether there is any, a plan may read all of them. */
const DUE = statement({
  name: 'find_due_deliveries',
  text: `select endpoint_id from endpoints cross join lateral (
    select from deliveries where deliveries.endpoint_id = endpoints.endpoint_id and ${IS_DUE}
    order by due_at limit 1
  ) as first`,
});

/** The endpoints with a delivery to make. */
export const findDueDeliveries = async (store: Store): Promise<EndpointId[]> =>
  (await store.runPinned<{ endpoint_id: EndpointId }>(DUE, [])).map((row) => row.endpoint_id);

/** A try of the delivery is begun and not ended: each begun one is counted, and each ended one. */
export const IS_UNDER_WAY = 'trying > tries + unknowns';
/** Its sender was lost once more, and that is enough. */
const IS_GIVEN_UP = `due.is_lost and deliveries.unknowns + 1 >= ${TRIES_MAX}`;

/** What a delivery tells of its job. */
const RESULT = [
  ...['status', 'output', 'error', 'worker_id', 'delay_ms', 'execution_ms'],
  ...['rank', 'attempts', 'escalated_at'],
];
/** A delivery has what it tells itself where its job was retried since, else the result has it. */
const toldOf = (column: string): string =>
  `case when free.status is null then results.${column} else free.${column} end as ${column}`;

/**
 * Takes due deliveries and commits a `started` row for each before anything is sent. One that is
 * due while a try is still `started` lost its sender: that try is closed as unknown first, and the
 * third unknown one closes the delivery.
 *
 * What they tell is at most READ_MAX_BYTES and what reaches it, the longest due first; the others
 * wait for the next take.
 *
 * Targets (host and port) that have no room are passed over, so that those behind them in the row
 * are reached; within one take a target gets no more than the room it has. Each delivery is locked
 * and written at its place, which leaves the planner no index to choose: OFFSET keeps that from
 * becoming a join. The deliveries are written before the tries, here as where ends are recorded, so
 * that the two never wait for each other.
 */
const START = statement({
  name: 'start_deliveries',
  text: `with near as materialized (
  select deliveries.ctid as spot, target, room, due_at from deliveries
  cross join lateral (select lower(split_part(url, '/', 3)) collate "C" as target) as parted
  cross join lateral (
    select coalesce(($4::int[])[array_position($3::text[], target)], $5) as room
  ) as looked_up
  where endpoint_id = $1 and ${IS_DUE} and room > 0
  order by due_at limit least($2 * ${LOOKS}, ${LOOK_MAX})
),
placed as materialized (
  select spot, due_at, room, row_number() over (partition by target order by due_at) as place
  from near
),
free as materialized (
  select locked.*
  from (select spot from placed where place <= room order by due_at) as wanted
  cross join lateral (
    select ctid as spot, delivery_id, job_id, closed_at, due_at, lost_at, trying,
      ${IS_UNDER_WAY} as is_lost, ${RESULT.join(', ')}
    from deliveries where endpoint_id = $1 and ctid = wanted.spot
    offset 0 for update skip locked
  ) as locked
  where ${IS_DUE}
  limit $2
),
told as materialized (
  select free.spot, free.delivery_id, free.due_at, free.trying, free.is_lost,
    ${RESULT.map(toldOf).join(',\n    ')}
  from free ${lookUp('results', 'free.job_id', 'left')}
),
due as materialized (
  select * from (
    select told.*, sum(bytes) over (order by due_at, delivery_id) - bytes as bytes_before
    from told cross join lateral (
      select coalesce(octet_length(output), 0) + coalesce(octet_length(error), 0) as bytes
    ) as sized
  ) as measured
  where bytes_before < ${READ_MAX_BYTES}
),
taken as (
  update deliveries set
    unknowns = unknowns + due.is_lost::int,
    trying = case when ${IS_GIVEN_UP} then deliveries.trying else deliveries.trying + 1 end,
    closed_at = case when ${IS_GIVEN_UP} then statement_timestamp() end,
    outcome = case when ${IS_GIVEN_UP} then 'failed' end,
    lost_at = statement_timestamp() + ${TRY_LOST_MS} * interval '1 ms'
  from due where deliveries.endpoint_id = $1 and deliveries.ctid = due.spot
  returning deliveries.delivery_id, deliveries.job_id, deliveries.url, deliveries.trying,
    deliveries.closed_at, ${RESULT.map((column) => `due.${column}`).join(', ')}
),
lost as (
  update delivery_tries set outcome = 'unknown',
    duration_ms = extract(epoch from statement_timestamp() - started_at) * 1000
  where ctid = any (array(
    select own.spot from due cross join lateral (
      select ctid as spot from delivery_tries
      where delivery_tries.endpoint_id = $1 and delivery_tries.delivery_id = due.delivery_id
        and delivery_tries.n = due.trying
      limit 1
    ) as own
    where due.is_lost
  ))
),
started as (
  insert into delivery_tries (endpoint_id, delivery_id, n, outcome)
  select $1, delivery_id, trying, 'started' from taken where closed_at is null
)
select taken.delivery_id, taken.job_id, taken.url, taken.trying as n,
  floor(extract(epoch from statement_timestamp()) * 1000)::bigint as begun_at_ms,
  lower(split_part(taken.url, '/', 3)) as target, ${RESULT.join(', ')}, jobs.created_at
from taken ${lookUp('jobs', 'taken.job_id')} where taken.closed_at is null`,
});

export type StartedDelivery = {
  readonly deliveryId: string;
  readonly jobId: JobId;
  readonly url: string;
  /** Host and port as they stand in the URL. */
  readonly target: string;
  /** The number of this try, unknown ones included. */
  readonly n: number;
  /** When this try began, in ms since 1970 by the database's clock. */
  readonly begunAtMs: number;
  /** The end that it tells, also where a retry has overtaken it. */
  readonly result: Omit<StatusParts, 'id'>;
};

type StartRow = {
  delivery_id: string;
  job_id: string;
  url: string;
  target: string;
  n: number;
  begun_at_ms: number;
  status: TerminalState;
  output: Buffer | null;
  error: Buffer | null;
  worker_id: string | null;
  delay_ms: number | null;
  execution_ms: number | null;
  /** Null, with attempts, of a result that was dropped before deliveries kept them. */
  rank: Rank | null;
  attempts: number;
  escalated_at: Date | null;
  created_at: Date;
};

/** How many sends more a target may have: one that is `busy` what stands there, others `idle`. */
export type TargetRoom = { readonly busy: ReadonlyMap<string, number>; readonly idle: number };

/**
 * Begins a try of each of at most `limit` due deliveries of one endpoint, the longest due first,
 * no more to any target than `room` leaves it, and no more than READ_MAX_BYTES of results at once.
 */
export const startDeliveries = async (
  store: Store,
  endpointId: EndpointId,
  limit: number,
  room: TargetRoom,
): Promise<StartedDelivery[]> => {
  const rows = await store.runPinned<StartRow>(START, [
    endpointId,
    limit,
    [...room.busy.keys()],
    [...room.busy.values()],
    room.idle,
  ]);
  return rows.map((row) => ({
    ...{ deliveryId: row.delivery_id, jobId: jobIdOf(row.job_id), n: row.n },
    ...{ url: row.url, target: row.target, begunAtMs: row.begun_at_ms },
    result: {
      status: row.status,
      output: row.output,
      error: row.error,
      workerId: row.worker_id,
      delayMs: row.delay_ms,
      executionMs: row.execution_ms,
      ...(row.rank === null
        ? {}
        : {
            switchyard: {
              priority: priorityOf(row.rank),
              escalatedAt: row.escalated_at,
              attempt: row.attempts,
              deadlineAt: null,
              createdAt: row.created_at,
            },
          }),
    },
  }));
};
