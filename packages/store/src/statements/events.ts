import {
  type EndpointId,
  type EventName,
  type JobId,
  jobIdOf,
  uuidOf,
} from '@switchyard/contracts';
import type { Store } from '../open-store.ts';

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
  readonly occurredAt: Date;
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
  occurred_at: Date;
};

const COLUMNS = `txid::text as txid, id, endpoint_id, job_id, seq, event, worker_id, claim_no, reason,
  occurred_at`;

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

/** Only transactions below the oldest running one: none can appear before the cursor any more. */
const AFTER = {
  name: 'read_events_after',
  text: `select ${COLUMNS} from events
    where (txid, id) > ($1::xid8, $2) and txid < pg_snapshot_xmin(pg_current_snapshot())
    order by txid, id limit $3`,
};

/** The events behind `cursor`, in commit order, of all endpoints: the relay's look. */
export const readEventsAfter = async (
  store: Store,
  cursor: EventCursor,
  limit: number,
): Promise<LoggedEvent[]> =>
  (await store.runPinned<Row>(AFTER, [cursor.txid, cursor.id, limit])).map(eventIn);

const OF_JOB = {
  name: 'read_events_of_job',
  text: `select ${COLUMNS} from events where endpoint_id = $1 and job_id = $2::uuid order by seq`,
};

/** The history of one job. */
export const readEventsOfJob = async (
  store: Store,
  endpointId: EndpointId,
  jobId: JobId,
): Promise<LoggedEvent[]> =>
  (await store.run<Row>(OF_JOB, [endpointId, uuidOf(jobId)])).map(eventIn);

const TAKE_RUN = {
  name: 'take_cursor',
  text: `update cursors set runner = $2,
    runner_until = statement_timestamp() + $3 * interval '1 ms'
  where name = $1
    and (runner is null or runner = $2 or runner_until < statement_timestamp())
  returning txid::text as txid, id`,
};

/** The cursor of `name`, held by `runner` for `holdMs`; undefined while another holds it. */
export const takeCursor = async (
  store: Store,
  name: string,
  runner: string,
  holdMs: number,
): Promise<EventCursor | undefined> =>
  (await store.run<EventCursor>(TAKE_RUN, [name, runner, holdMs]))[0];

const MOVE = {
  name: 'move_cursor',
  text: `update cursors set txid = $3::xid8, id = $4
    where name = $1 and runner = $2 and (txid, id) <= ($3::xid8, $4)`,
};

/** Moves the cursor forward; does nothing when another runner has taken it. */
export const moveCursor = async (
  store: Store,
  name: string,
  runner: string,
  to: EventCursor,
): Promise<void> => {
  await store.run(MOVE, [name, runner, to.txid, to.id]);
};
