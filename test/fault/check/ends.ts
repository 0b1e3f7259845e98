import { type EventName, type State, TERMINAL_STATES } from '@switchyard/contracts';
import { mayFollow, STATE_AFTER } from '@switchyard/lifecycle';
import type { Operation } from '../history.ts';
import { type Breach, type Given, groupBy, tell } from './breach.ts';
import type { JobRow } from './tables.ts';

const TERMINAL: ReadonlySet<string> = new Set(TERMINAL_STATES);

const timesOf = ({ events }: JobRow, event: EventName): number =>
  events.filter((one) => one.event === event).length;

/** Each job has one end, which only a client's retry takes back, and which everybody was told. */
export const checkEnds = (given: Given): Breach[] => {
  const { history, jobs, counts, passing, idle = [] } = given;
  const all = [...jobs.values()];
  const endless = all.filter(
    ({ state, endpoint }) => state === undefined && !idle.includes(endpoint),
  );
  const illegal = all.flatMap(({ id, events }) =>
    events.flatMap(({ event, seq }, at) => {
      const before = events[at - 1]?.event;
      const isLegal = before === undefined ? event === 'accepted' : mayFollow(before, event);
      return isLegal ? [] : [`${id}: ${before ?? 'nothing'} and then ${event} as ${seq}`];
    }),
  );
  const twice = all.filter((job) => {
    const ends = job.events.filter(({ event }) => TERMINAL.has(STATE_AFTER[event])).length;
    return ends > timesOf(job, 'retried') + 1;
  });
  const told = history.operations.filter(({ outcome }) => outcome === 'ok');
  const kept = counts.filter(
    ({ endpoint }) => passing === undefined || !endpoint.startsWith(passing),
  );
  const miscounted = kept.filter((row) => {
    const own = all.filter(({ endpoint }) => endpoint === row.endpoint);
    const sum = (...names: EventName[]): number =>
      own.reduce((before, job) => before + names.reduce((n, one) => n + timesOf(job, one), 0), 0);
    return (
      row.completed !== sum('completed') ||
      row.failed !== sum('failed', 'timed_out') ||
      row.retried !== sum('retried')
    );
  });
  return [
    ...tell('every job ends', endless, ({ id }) => id),
    ...tell('only a retry follows an end', illegal, (what) => what),
    ...tell('a job has one end, and one more for each retry', twice, ({ id }) => id),
    ...checkTold(given, told),
    ...checkRetries(given, told),
    ...tell('ends are counted once', miscounted, (row) => JSON.stringify(row)),
  ];
};

const isTerminal = (state: State | undefined): state is State =>
  state !== undefined && TERMINAL.has(state);

/** What a client was told of a job is what its events tell. */
const checkTold = ({ jobs }: Given, told: readonly Operation[]): Breach[] => {
  const wrong = told.filter(({ jobId = '', state }) => {
    const job = jobs.get(jobId);
    if (job === undefined || !isTerminal(state)) return false;
    return !job.events.some(({ event }) => STATE_AFTER[event] === state);
  });
  const looks = told.filter(({ kind }) => kind === 'status' || kind === 'stream');
  const undone = [...groupBy(looks, ({ jobId }) => jobId)].filter(([jobId, own]) => {
    const job = jobs.get(jobId);
    if (job === undefined || timesOf(job, 'retried') > 0) return false;
    const [end] = own
      .filter(({ state }) => isTerminal(state))
      .sort((a, b) => a.endedAtMs - b.endedAtMs);
    return own.some(({ state, atMs }) => end && atMs > end.endedAtMs && state !== end.state);
  });
  const outputs = told.filter(({ jobId = '', state, outputSha256 }) => {
    const job = jobs.get(jobId);
    return (
      state === 'COMPLETED' && outputSha256 !== undefined && job?.outputSha256 !== outputSha256
    );
  });
  const times = told.filter(({ delayTime = 0, executionTime = 0 }) =>
    [delayTime, executionTime].some((ms) => ms < 0 || !Number.isInteger(ms)),
  );
  const name = ({ jobId, state }: Operation): string => `${jobId} ${state}`;
  return [
    ...tell('a state that was told is in the events', wrong, name),
    ...tell('an end that was told is not taken back', undone, ([jobId]) => jobId),
    ...tell('an output that was told is the one that is kept', outputs, name),
    ...tell('delayTime and executionTime are whole and not negative', times, name),
  ];
};

/** Retries and purges that clients asked for are those that happened. */
const checkRetries = ({ history, jobs }: Given, told: readonly Operation[]): Breach[] => {
  const asked = groupBy(
    history.operations.filter(({ kind }) => kind === 'retry'),
    ({ jobId }) => jobId,
  );
  const wrong = [...jobs.values()].filter((job) => {
    const tries = asked.get(job.id) ?? [];
    const [done, possible] = [['ok'], ['ok', 'unknown']].map(
      (outcomes) => tries.filter(({ outcome }) => outcomes.includes(outcome)).length,
    );
    const retried = timesOf(job, 'retried');
    return retried < (done ?? 0) || retried > (possible ?? 0);
  });
  const cancels = told.filter(({ kind, state, jobId = '' }) => {
    const job = jobs.get(jobId);
    return kind === 'cancel' && state === 'CANCELLED' && job && timesOf(job, 'cancelled') === 0;
  });
  const purges = groupBy(
    history.operations.filter(({ kind }) => kind === 'purge'),
    ({ endpoint }) => endpoint,
  );
  const stopped = [...jobs.values()].filter(({ events }) =>
    events.some(({ reason }, at) => reason === 'purge' && events[at - 1]?.event === 'started'),
  );
  const miscounted = [...purges].filter(([endpoint, own]) => {
    const purged = [...jobs.values()].filter(
      (job) => job.endpoint === endpoint && job.events.some(({ reason }) => reason === 'purge'),
    ).length;
    const removed = own.reduce((sum, one) => sum + (one.removed ?? 0), 0);
    const isKnown = own.every(({ outcome }) => outcome === 'ok');
    return removed > purged || (isKnown && removed !== purged);
  });
  return [
    ...tell('a job is retried when a client says so, and then once', wrong, ({ id }) => id),
    ...tell('a cancel that was told has cancelled', cancels, ({ jobId }) => jobId ?? ''),
    ...tell('a purge leaves what runs', stopped, ({ id }) => id),
    ...tell('a purge tells how many it removed', miscounted, ([endpoint]) => endpoint),
  ];
};
