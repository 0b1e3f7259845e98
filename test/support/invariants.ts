import { EVENTS, type EventName, type State } from '@switchyard/contracts';
import { next, type Trigger } from '@switchyard/lifecycle';
import pg from 'pg';

/** The state that a job is in after each event, and the triggers that the event stands for. */
const MEANING: Readonly<Record<EventName, { state: State; triggers: readonly Trigger[] }>> = {
  accepted: { state: 'IN_QUEUE', triggers: [] },
  started: { state: 'IN_PROGRESS', triggers: ['claim'] },
  escalated: { state: 'IN_QUEUE', triggers: [] },
  requeued: { state: 'IN_QUEUE', triggers: ['handBack', 'requeue'] },
  completed: { state: 'COMPLETED', triggers: ['complete'] },
  failed: { state: 'FAILED', triggers: ['fail'] },
  cancelled: { state: 'CANCELLED', triggers: ['cancel'] },
  timed_out: { state: 'TIMED_OUT', triggers: ['expire', 'overrun'] },
  retried: { state: 'IN_QUEUE', triggers: ['retry'] },
};

/** The pairs of events that may follow one another, read off the transition table. */
const legalPairs = (): string[] =>
  EVENTS.flatMap((before) =>
    EVENTS.filter((event) => {
      const from = MEANING[before].state;
      const { state, triggers } = MEANING[event];
      if (event === 'escalated') return from === 'IN_QUEUE';
      return triggers.some((trigger) => next(from, trigger) === state);
    }).map((event) => `${before} ${event}`),
  );

/** Every job with the place that it is in; several rows for one that is in several. */
const PLACES = `with places as (
  select endpoint_id, job_id, 'IN_QUEUE' as state, event_seq, claim_no, attempts from queue
  union all
  select endpoint_id, job_id, 'IN_QUEUE', 1, 0, 0 from delayed
  union all
  select endpoint_id, job_id, 'IN_PROGRESS', event_seq, claim_no, attempts from leases
  union all
  select endpoint_id, job_id, status, event_seq, claim_no, attempts from results
)`;

const meanings = EVENTS.map((event) => `('${event}', '${MEANING[event].state}')`).join(', ');
const MEANINGS = `(values ${meanings})
  as meaning (event, state)`;

const TERMINAL = `('completed', 'failed', 'cancelled', 'timed_out')`;

/** Each look names what is wrong, and yields a row for each fault: \`what\`. */
const LOOKS: Readonly<Record<string, string>> = {
  'a job is in exactly one place': `${PLACES}
    select job_id || ' is in ' || count(places.job_id) || ' places' as what
    from jobs left join places using (endpoint_id, job_id)
    group by endpoint_id, jobs.job_id having count(places.job_id) <> 1`,
  'a place belongs to a job': `${PLACES}
    select state || ' of ' || job_id as what from places
    where not exists (select from jobs where jobs.endpoint_id = places.endpoint_id
      and jobs.job_id = places.job_id)`,
  'events are numbered from 1 without a gap': `
    select job_id || ' has ' || count(*) || ' events up to ' || max(seq) as what from events
    group by endpoint_id, job_id having max(seq) <> count(*) or min(seq) <> 1`,
  'the place carries the number of the last event': `${PLACES}
    select places.job_id || ' is at ' || event_seq || ' of ' || coalesce(max(seq), 0) as what
    from places left join events using (endpoint_id, job_id)
    group by endpoint_id, places.job_id, event_seq
    having event_seq is distinct from max(seq)`,
  'the state is what the events add up to': `${PLACES},
    last as (select distinct on (endpoint_id, job_id) endpoint_id, job_id, event from events
      order by endpoint_id, job_id, seq desc)
    select places.job_id || ' is ' || places.state || ' after ' || coalesce(event, 'nothing')
      as what
    from places left join last using (endpoint_id, job_id) left join ${MEANINGS} using (event)
    where meaning.state is distinct from places.state`,
  'a job is low until it was escalated, and then no more': `
    select job_id || ' waits at rank ' || rank as what from queue
    where (escalated_at is not null and rank >= 2) or (escalate_at is null and rank >= 2)
      or (escalated_at is not null) <> exists (select from events
        where events.endpoint_id = queue.endpoint_id and events.job_id = queue.job_id
          and event = 'escalated' and events.seq > coalesce((select max(seq) from events as retry
            where retry.endpoint_id = queue.endpoint_id and retry.job_id = queue.job_id
              and retry.event = 'retried'), 0))`,
  'a job begins with being accepted': `
    select job_id || ' begins with ' || event as what from events
    where seq = 1 and event <> 'accepted'`,
  'claim numbers rise by one': `
    select job_id || ' started as ' || claim_no || ' at its start ' || n as what
    from (select job_id, claim_no, row_number() over (partition by endpoint_id, job_id order by seq)
      as n from events where event = 'started') as starts where claim_no is distinct from n`,
  'the place carries the last claim number': `${PLACES}
    select places.job_id || ' carries claim ' || places.claim_no || ' of ' || count(events.seq)
      as what
    from places left join events on events.endpoint_id = places.endpoint_id
      and events.job_id = places.job_id and events.event = 'started'
    group by places.endpoint_id, places.job_id, places.claim_no
    having places.claim_no <> count(events.seq)`,
  'no more attempts than claims': `${PLACES}
    select job_id || ' spent ' || attempts || ' attempts in ' || claim_no || ' claims' as what
    from places where attempts > claim_no`,
  'counts are the numbers of rows': `
    with real as (
      select endpoint_id, sum(queued)::bigint as queued, sum(running)::bigint as running from (
        select endpoint_id, 1 as queued, 0 as running from queue
        union all select endpoint_id, 1, 0 from delayed
        union all select endpoint_id, 0, 1 from leases) as rows group by endpoint_id),
    told as (select endpoint_id, sum(queued)::bigint as queued, sum(running)::bigint as running
      from counts group by endpoint_id)
    select endpoint_id || ' counts ' || coalesce(told.queued, 0) || ' queued and '
      || coalesce(told.running, 0) || ' running of ' || coalesce(real.queued, 0) || ' and '
      || coalesce(real.running, 0) as what
    from real full join told using (endpoint_id)
    where coalesce(told.queued, 0) <> coalesce(real.queued, 0)
      or coalesce(told.running, 0) <> coalesce(real.running, 0)`,
  'no less is counted than the log tells': `
    with logged as (select endpoint_id, count(*) filter (where event = 'completed') as completed,
      count(*) filter (where event in ('failed', 'timed_out')) as failed,
      count(*) filter (where event = 'retried') as retried from events group by endpoint_id),
    told as (select endpoint_id, sum(completed) as completed, sum(failed) as failed,
      sum(retried) as retried from counts group by endpoint_id)
    select endpoint_id || ' counts fewer ends or retries than were logged' as what
    from logged left join told using (endpoint_id)
    where coalesce(told.completed, 0) < logged.completed
      or coalesce(told.failed, 0) < logged.failed or coalesce(told.retried, 0) < logged.retried`,
  'no secret outlives its job': `
    select job_secrets.job_id || ' is ' || coalesce(status, 'unknown') as what
    from job_secrets left join jobs using (endpoint_id, job_id)
    left join results using (endpoint_id, job_id)
    where jobs.job_id is null or status in ('COMPLETED', 'CANCELLED')`,
  'chunks are of claims that were made': `${PLACES}
    select stream_chunks.job_id || ' has chunks of claim ' || stream_chunks.claim_no as what
    from stream_chunks left join places using (endpoint_id, job_id)
    where places.job_id is null or stream_chunks.claim_no > places.claim_no`,
  'each end of a job with a webhook has one delivery': `
    select jobs.job_id || ' has no delivery of its ' || event as what
    from jobs join events using (endpoint_id, job_id)
    left join deliveries on deliveries.endpoint_id = events.endpoint_id
      and deliveries.job_id = events.job_id and deliveries.event_seq = events.seq
    where webhook is not null and event in ${TERMINAL} and delivery_id is null`,
  'a delivery tells an end of a job': `
    select delivery_id || ' of ' || deliveries.job_id as what from deliveries
    left join events on events.endpoint_id = deliveries.endpoint_id
      and events.job_id = deliveries.job_id and events.seq = deliveries.event_seq
    where event is null or event not in ${TERMINAL}`,
  'a delivery has as many tries as it counts': `
    select delivery_id || ' counts ' || tries || ' tries' as what
    from deliveries left join delivery_tries using (endpoint_id, delivery_id)
    group by endpoint_id, delivery_id, tries, unknowns
    having tries > 3 or unknowns > 3
      or count(*) filter (where delivery_tries.outcome = 'started') > 1
      or tries <> count(*) filter (where delivery_tries.outcome in ('delivered', 'failed'))
      or unknowns <> count(*) filter (where delivery_tries.outcome = 'unknown')`,
  'a closed delivery has an outcome, an open one a result': `
    select delivery_id || ' of ' || deliveries.job_id as what
    from deliveries left join results using (endpoint_id, job_id)
    where (closed_at is null) <> (outcome is null)
      or (closed_at is null and deliveries.status is null and results.status is null)`,
};

/** The pairs of events that stand behind one another, with a job as an example of each. */
const PAIRS = `select pair, min(job_id::text) as example from (
    select lag(event) over (partition by endpoint_id, job_id order by seq) || ' ' || event as pair,
      job_id from events) as pairs
  where pair is not null and pair <> all ($1::text[]) group by pair`;

const FAULTS_SHOWN = 3;

/**
 * Looks at a whole database, in one snapshot and without changing anything, for what must never
 * be. It may be called while the services run.
 * @returns a sentence for each rule that is broken; none when all is well.
 */
export const checkInvariants = async (url: string): Promise<string[]> => {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query('begin isolation level repeatable read read only');
    const sentences: string[] = [];
    for (const [rule, look] of Object.entries(LOOKS)) {
      const { rows } = await client.query<{ what: string }>(look);
      if (rows.length === 0) continue;
      const shown = rows.slice(0, FAULTS_SHOWN).map((row) => row.what);
      sentences.push(`Not so: ${rule} (${rows.length} faults: ${shown.join('; ')}).`);
    }
    const { rows } = await client.query<{ pair: string; example: string }>(PAIRS, [legalPairs()]);
    for (const { pair, example } of rows) {
      sentences.push(`Not so: "${pair}" is a step of the lifecycle (job ${example}).`);
    }
    return sentences;
  } finally {
    await client.end();
  }
};
