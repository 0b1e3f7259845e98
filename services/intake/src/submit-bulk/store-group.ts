import type { Endpoint, EndpointId, JobId, Problem } from '@switchyard/contracts';
import { type NewJob, StoreUnavailable } from '@switchyard/store';
import { type Places, queueFull } from '../guard-queue.ts';
import { answerFor, type Outcome, storeIsAway } from '../store-jobs.ts';
import { describeAccepted, type SubmitContext } from '../submit-job.ts';
import { answerProblemLine, type Group } from './group.ts';
import type { Lanes } from './lanes.ts';

export type StoreContext = SubmitContext & {
  readonly lanes: Lanes;
  /** What the sender is told of an error. */
  readonly tell: (error: unknown) => Problem;
};

/** How many states of earlier jobs are asked for at once. */
const REPEATS_AT_ONCE = 100;

type Fate = Outcome | { readonly kind: 'failed'; readonly error: unknown };
type Fates = 'allStored' | ReadonlyMap<JobId, Fate>;

/**
 * Stores the jobs of a group and gives the answers to its lines; resolves after the commit. A job
 * that cannot be stored hurts only itself. Never rejects.
 */
export const storeGroup = async (
  context: StoreContext,
  endpoint: Endpoint,
  group: Group,
): Promise<string> => {
  await checkStarts(context, group);
  const settle = await checkRoom(context, endpoint, group);
  const jobs = jobsOf(group);
  const fates =
    jobs.length === 0
      ? 'allStored'
      : await context.lanes.run((lane) => store(context, endpoint, lane, jobs)).finally(settle);
  return tellFates(context, endpoint, group, fates);
};

const jobsOf = ({ items }: Group): NewJob[] => items.filter((item) => typeof item !== 'string');

const keysOf = (group: Group): string[] =>
  jobsOf(group).flatMap(({ idempotency }) => idempotency?.key ?? []);

/** Makes a job's item the answer that it is not taken. */
const refuseAt = (context: StoreContext, group: Group, place: number, error: unknown): void => {
  group.items[place] = answerProblemLine(group.numbers[place] ?? 0, context.tell(error));
};

const checkStarts = async (context: StoreContext, group: Group): Promise<void> => {
  for (const { place, startAfter } of group.starts) {
    try {
      await context.startGuard.admit(startAfter);
    } catch (error) {
      refuseAt(context, group, place, error);
    }
  }
};

const NO_PLACES: Places = { count: 0, settle: () => undefined };

/**
 * The first jobs of the group get the room that there is; repeats need none.
 * @returns what gives it back.
 */
const checkRoom = async (
  context: StoreContext,
  endpoint: Endpoint,
  group: Group,
): Promise<Places['settle']> => {
  const wanted = jobsOf(group).length;
  let places = NO_PLACES;
  let repeats: ReadonlySet<string> = new Set();
  let reason: unknown = queueFull(endpoint);
  try {
    places = await context.queueGuard.admitUpTo(endpoint, wanted);
    if (places.count === wanted) return places.settle;
    repeats = await context.repeats.find(endpoint.id as EndpointId, 'http', keysOf(group));
  } catch (error) {
    reason = error;
  }
  let room = places.count;
  for (const [place, item] of group.items.entries()) {
    if (typeof item === 'string') continue;
    if (item.idempotency !== undefined && repeats.has(item.idempotency.key)) continue;
    if (room > 0) room -= 1;
    else refuseAt(context, group, place, reason);
  }
  return places.settle;
};

/** A batch that fails for good is halved, down to the job that is at fault. */
const store = async (
  context: StoreContext,
  endpoint: Endpoint,
  lane: string,
  jobs: readonly NewJob[],
): Promise<Fates> => {
  try {
    return await context.acceptor.acceptBatch(endpoint.id as EndpointId, lane, jobs);
  } catch (error) {
    if (error instanceof StoreUnavailable || jobs.length === 1) {
      const reason = error instanceof StoreUnavailable ? storeIsAway() : error;
      return new Map(jobs.map(({ jobId }) => [jobId, { kind: 'failed', error: reason }]));
    }
    const middle = Math.ceil(jobs.length / 2);
    const halves = [jobs.slice(0, middle), jobs.slice(middle)];
    const fates = new Map<JobId, Fate>();
    for (const half of halves) {
      const stored = await store(context, endpoint, lane, half);
      for (const { jobId } of half) fates.set(jobId, fateIn(stored, jobId));
    }
    return fates;
  }
};

const fateIn = (fates: Fates, jobId: JobId): Fate =>
  fates === 'allStored' ? { kind: 'stored', jobId } : (fates.get(jobId) ?? { kind: 'unknown' });

const acceptedLine = (jobId: JobId): string => `{"id":"${jobId}","status":"IN_QUEUE"}\n`;

const tellFates = async (
  context: StoreContext,
  endpoint: Endpoint,
  { items, numbers }: Group,
  fates: Fates,
): Promise<string> => {
  if (fates === 'allStored') {
    return items
      .map((item) => (typeof item === 'string' ? item : acceptedLine(item.jobId)))
      .join('');
  }
  const answers: string[] = [];
  let repeats: Promise<void>[] = [];
  for (const [place, item] of items.entries()) {
    if (typeof item === 'string') {
      answers.push(item);
      continue;
    }
    const fate = fateIn(fates, item.jobId);
    if (fate.kind === 'stored') {
      answers.push(acceptedLine(fate.jobId));
      continue;
    }
    const tell = async (): Promise<void> => {
      answers[place] = await tellOther(context, endpoint, numbers[place] ?? 0, item, fate);
    };
    answers.push('');
    repeats.push(tell());
    if (repeats.length < REPEATS_AT_ONCE) continue;
    await Promise.all(repeats);
    repeats = [];
  }
  await Promise.all(repeats);
  return answers.join('');
};

/** The answer to a line whose job was not stored now: it may have been before. */
const tellOther = async (
  context: StoreContext,
  endpoint: Endpoint,
  line: number,
  job: NewJob,
  fate: Fate,
): Promise<string> => {
  try {
    if (fate.kind === 'failed') throw fate.error;
    const accepted = answerFor(fate, 'http', job);
    return `${JSON.stringify(await describeAccepted(context, endpoint, accepted))}\n`;
  } catch (error) {
    return answerProblemLine(line, context.tell(error));
  }
};
