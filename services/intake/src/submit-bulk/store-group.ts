import type { Endpoint, EndpointId, JobId, Problem } from '@switchyard/contracts';
import { type NewJob, StoreUnavailable } from '@switchyard/store';
import { queueFull } from '../guard-queue.ts';
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
  await checkRoom(context, endpoint, group);
  const jobs = jobsOf(group);
  const fates =
    jobs.length === 0
      ? new Map<JobId, Fate>()
      : await context.lanes.run((lane) => store(context, endpoint, lane, jobs));
  return tellFates(context, endpoint, group, fates);
};

const jobsOf = ({ items }: Group): NewJob[] => items.filter((item) => typeof item !== 'string');

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

/** The first jobs of the group get the room that there is. */
const checkRoom = async (
  context: StoreContext,
  endpoint: Endpoint,
  group: Group,
): Promise<void> => {
  const wanted = jobsOf(group).length;
  let room = 0;
  let reason: unknown = queueFull(endpoint);
  try {
    room = await context.queueGuard.admitUpTo(endpoint, wanted);
  } catch (error) {
    reason = error;
  }
  if (room === wanted) return;
  for (const [place, item] of group.items.entries()) {
    if (typeof item === 'string') continue;
    if (room > 0) room -= 1;
    else refuseAt(context, group, place, reason);
  }
};

/** A batch that fails for good is halved, down to the job that is at fault. */
const store = async (
  context: StoreContext,
  endpoint: Endpoint,
  lane: string,
  jobs: readonly NewJob[],
): Promise<ReadonlyMap<JobId, Fate>> => {
  try {
    return await context.acceptor.acceptBatch(endpoint.id as EndpointId, lane, jobs);
  } catch (error) {
    if (error instanceof StoreUnavailable || jobs.length === 1) {
      const reason = error instanceof StoreUnavailable ? storeIsAway() : error;
      return new Map(jobs.map(({ jobId }) => [jobId, { kind: 'failed', error: reason }]));
    }
    const middle = Math.ceil(jobs.length / 2);
    const first = await store(context, endpoint, lane, jobs.slice(0, middle));
    const second = await store(context, endpoint, lane, jobs.slice(middle));
    return new Map([...first, ...second]);
  }
};

const tellFates = async (
  context: StoreContext,
  endpoint: Endpoint,
  { items, numbers }: Group,
  fates: ReadonlyMap<JobId, Fate>,
): Promise<string> => {
  const answers: string[] = [];
  let repeats: Promise<void>[] = [];
  for (const [place, item] of items.entries()) {
    if (typeof item === 'string') {
      answers.push(item);
      continue;
    }
    const fate = fates.get(item.jobId) ?? { kind: 'unknown' };
    if (fate.kind === 'stored') {
      answers.push(`{"id":"${fate.jobId}","status":"IN_QUEUE"}\n`);
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
