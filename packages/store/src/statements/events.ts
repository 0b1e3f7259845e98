import {
  type EndpointId,
  type EventName,
  type JobId,
  jobIdOf,
  uuidOf,
} from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';

/** A place in the event log: everything up to it has been seen. */
export type EventCursor = { readonly txid: string; readonly id: number };

export type LoggedEvent = EventCursor & {
  readonly endpointId: EndpointId;
  readonly jobId: JobId;
  readonly seq: number;
  readonly event: EventName;
  readonly workerId: string | null;
  readonly claimNo: number | null;
  readonly reason: string | null;
  /** RFC 3339 in UTC, to the millisecond. */
  readonly occurredAt: string;
};

type Row = {
  txid: string;
  id: number;
  endpoint_id: EndpointId;
  job_id: string;
  seq: number;
  event: EventName;
  worker_id: string | null;
  claim_no: number | null;
  reason: string | null;
  occurred_at: string;
};

const COLUMNS = `txid::text as txid, id, endpoint_id, job_id, seq, event, worker_id, claim_no,
  reason,
  to_char(occurred_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as occurred_at`;

const eventIn = (row: Row): LoggedEvent => ({
  txid: row.txid,
  id: row.id,
  endpointId: row.endpoint_id,
  jobId: jobIdOf(row.job_id),
  seq: row.seq,
  event: row.event,
  workerId: row.worker_id,
  claimNo: row.claim_no,
  reason: row.reason,
  occurredAt: row.occurred_at,
});

/**
 * Only transactions below the oldest running one: none can appear before the cursor any more. The
 * order names the table, since `txid` alone is the column of the answer: a text, of which 1000
 * comes before 999, so that a page would leave out what lies between.
 */
const AFTER = statement({
  name: 'read_events_after',
  text: `select ${COLUMNS} from events
    where (txid, id) > ($1::xid8, $2) and txid < pg_snapshot_xmin(pg_current_snapshot())
    order by events.txid, events.id limit $3`,
});

/** The events behind `cursor`, in commit order, of all endpoints: the relay's look. */
export const readEventsAfter = async (
  store: Store,
  cursor: EventCursor,
  limit: number,
): Promise<LoggedEvent[]> =>
  (await store.runPinned<Row>(AFTER, [cursor.txid, cursor.id, limit])).map(eventIn);

const OF_JOB = statement({
  name: 'read_events_of_job',
  text: `select ${COLUMNS} from events where endpoint_id = $1 and job_id = $2::uuid order by seq`,
});

/** The history of one job. */
export const readEventsOfJob = async (
  store: Store,
  endpointId: EndpointId,
  jobId: JobId,
): Promise<LoggedEvent[]> =>
  (await store.run<Row>(OF_JOB, [endpointId, uuidOf(jobId)])).map(eventIn);

const TAKE_RUN = statement({
  name: 'take_cursor',
  text: `update cursors set runner = $2,
    runner_until = statement_timestamp() + $3 * interval '1 ms'
  where name = $1
    and (runner is null or runner = $2 or runner_until < statement_timestamp())
  returning txid::text as txid, id`,
});

/** The cursor of `name`, held by `runner` for `holdMs`; undefined while another holds it. */
export const takeCursor = async (
  store: Store,
  name: string,
  runner: string,
  holdMs: number,
): Promise<EventCursor | undefined> =>
  (await store.run<EventCursor>(TAKE_RUN, [name, runner, holdMs]))[0];

const MOVE = statement({
  name: 'move_cursor',
  text: `update cursors set txid = $3::xid8, id = $4
    where name = $1 and runner = $2 and (txid, id) <= ($3::xid8, $4)`,
});

/** Moves the cursor forward; does nothing when another runner has taken it. */
export const moveCursor = async (
  store: Store,
  name: string,
  runner: string,
  to: EventCursor,
): Promise<void> => {
  await store.run(MOVE, [name, runner, to.txid, to.id]);
};

const LAG = statement({
  name: 'read_cursor_lag',
  text: `select greatest(0,
    floor(extract(epoch from statement_timestamp() - oldest.occurred_at) * 1000))::bigint as lag_ms
  from cursors cross join lateral (
    select occurred_at from events where (events.txid, events.id) > (cursors.txid, cursors.id)
    order by events.txid, events.id limit 1
  ) as oldest where cursors.name = $1`,
});

/**
 * How long the oldest event behind the cursor of `name` has waited, in ms; 0 when none does. It
 * counts those as well that nobody may read yet, because an older transaction is still running.
 */
export const readCursorLag = async (store: Store, name: string): Promise<number> =>
  (await store.runPinned<{ lag_ms: number }>(LAG, [name]))[0]?.lag_ms ?? 0;

const HOLDER = statement({
  name: 'find_horizon_holder',
  text: `select pid, application_name, state,
    floor(extract(epoch from statement_timestamp() - xact_start) * 1000)::bigint as age_ms
  from pg_stat_activity where backend_xid is not null order by age(backend_xid) desc limit 1`,
});

export type HorizonHolder = {
  readonly pid: number;
  readonly applicationName: string;
  readonly state: string | null;
  readonly ageMs: number | null;
};

type HolderRow = {
  pid: number;
  application_name: string;
  state: string | null;
  age_ms: number | null;
};

/** The session with the oldest writing transaction: later events are hidden until it ends. */
export const findHorizonHolder = async (store: Store): Promise<HorizonHolder | undefined> => {
  const row = (await store.run<HolderRow>(HOLDER, []))[0];
  if (row === undefined) return undefined;
  const { pid, application_name: applicationName, state, age_ms: ageMs } = row;
  return { pid, applicationName, state, ageMs };
};
