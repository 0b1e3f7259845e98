/** What holds of every database at every moment, by the code that a look tells its breach with. */
export const INVARIANTS = {
  'place.one': 'A job is in exactly one place: queued, delayed, leased or ended.',
  'place.no_job': 'What is queued, delayed, leased or ended is a job.',
  'place.event': 'A job carries the number of its last event.',
  'place.state': "A job's state is what its events add up to.",
  'place.claim': 'A job carries the number of its last claim.',
  'place.attempts': 'A job has spent as many attempts as its events tell since the last retry.',
  'rank.escalated': 'A low job counts as high from its escalation on, which is an event.',
  'events.numbered': "A job's events are numbered from 1 without a gap.",
  'events.begin': "A job's events begin with its being accepted.",
  'events.step': 'Each event may follow the one before it; only a retry follows an end.',
  'events.reason': 'A claim that ended without a result says why.',
  'claims.numbered': "A job's claims are numbered from 1 without a gap.",
  'chunks.claim': 'Chunks are of claims that were made.',
  'secrets.kept': 'No s3Config is kept of a job that is completed or cancelled.',
  'rows.no_job': 'Events, secrets, chunks and deliveries go with their job.',
  'rows.no_endpoint': 'What an endpoint holds goes with it.',
  'delivery.missing': 'Each end of a job with a webhook has a delivery.',
  'delivery.end': 'A delivery tells the end of a job.',
  'delivery.closed': 'A delivery is closed with its outcome, and not before.',
  'delivery.tries': 'A delivery has at most three known and three unknown tries, and counts them.',
  'delivery.after_success': 'A delivery that came through is not tried again.',
  'keys.job': 'An idempotency key names a job that no other key names.',
  'counts.rows': 'An endpoint counts as many queued and running jobs as it holds.',
  'counts.log': 'An endpoint counts no fewer ends and retries than its log tells.',
  'late.deadline': 'A job that waited for its ttl is ended within half a minute.',
  'late.escalation': 'A job is escalated within half a minute of its time.',
  'late.start': 'A job with a start time is queued within half a minute of it.',
  'late.overdue': 'A job that ran for its executionTimeout is ended within half a minute.',
  'times.result': 'A job did not wait and run for longer than it was there.',
  'times.event': 'The events of a job follow one another in time.',
  'times.tries': 'A try of a delivery comes ten seconds after one that failed, or later.',
} as const;
export type InvariantCode = keyof typeof INVARIANTS;

/** The invariant that `code` names. @throws TypeError where no look may tell such a code. */
export const invariantOf = (code: string): InvariantCode => {
  if (!Object.hasOwn(INVARIANTS, code)) throw new TypeError(`there is no invariant ${code}`);
  return code as InvariantCode;
};
