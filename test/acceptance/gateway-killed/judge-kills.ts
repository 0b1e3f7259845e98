import type { JournalLine } from '../../support/runpod-worker/journal.ts';
import { tally, tellTally } from '../load/read-jobs.ts';
import type { Checks } from '../support/checks.ts';
import type { GatewayLoad, Phase } from './open-gateway-load.ts';

/** How late a worker may have seen that its connection was gone. */
const NOTICED_MAX_MS = 500;

/** A post that was answered later than this waited for another process. */
const WAITED_MIN_MS = 300;

/** One result that a worker posted, and what it was answered. */
type Post = { readonly sentAtMs: number; readonly answer: JournalLine };

type Counted = {
  readonly posts: readonly Post[];
  readonly refused: number;
  readonly cut: readonly Post[];
  readonly reruns: number;
};

/** Counts from the workers' journals. */
const count = ({ workers }: GatewayLoad, { fromMs, toMs }: Phase): Counted => {
  const facts = workers.map((worker) =>
    worker.facts().filter(({ at }) => at >= fromMs && at <= toMs),
  );
  const posts = facts.flatMap(postsIn);
  const starts = facts.flat().filter(({ event }) => event === 'start');
  const unanswered = posts.filter(({ answer }) => answer.status === 0);
  const isRefused = ({ answer }: Post): boolean => /ECONNREFUSED/.test(answer.reason ?? '');
  return {
    posts,
    refused: unanswered.filter(isRefused).length,
    cut: unanswered.filter((post) => !isRefused(post)),
    reruns: starts.length - new Set(starts.map(({ jobId }) => jobId)).size,
  };
};

/** The posts of results of one worker: a job is at one worker once at a time. */
const postsIn = (facts: readonly JournalLine[]): Post[] => {
  const sent = new Map<string, number>();
  return facts.flatMap((fact) => {
    if (fact.call !== 'job-done' || fact.jobId === undefined) return [];
    if (fact.event === 'post') sent.set(fact.jobId, fact.at);
    const sentAtMs = sent.get(fact.jobId);
    return fact.event === 'answer' && sentAtMs !== undefined ? [{ sentAtMs, answer: fact }] : [];
  });
};

const tellAnswers = ({ posts }: Counted): string =>
  tellTally(tally(posts.map(({ answer }) => `status ${answer.status}`)));

/** Whether the death of the HTTP process cost no more than what was under way. */
export const judgeChild = (checks: Checks, load: GatewayLoad, phase: Phase): void => {
  const { killsAtMs, probe, supervisedRestarts } = phase;
  const counted = count(load, phase);
  const { posts, refused, cut, reruns } = counted;
  console.log(`the HTTP process, killed ${killsAtMs.length} times:`);
  console.log(`     results posted: ${posts.length} (${tellAnswers(counted)})`);
  checks.check(refused === 0 && posts.length > 0, 'posts refused', refused, 0);
  const closed = probe.refusals().length;
  checks.check(closed === 0, 'connections of the probe refused', closed, `0 of ${probe.tries()}`);
  const late = cut.filter((post) => !killsAtMs.some((atMs) => isUnderWay(post, atMs))).length;
  checks.check(late === 0, 'posts cut that were not under way at a kill', late, 0);
  const waited = posts.filter(isWaiting).length;
  checks.check(waited > 0, 'posts that waited for the next process and were taken', waited, 'some');
  const others = posts.filter(({ answer }) => ![0, 200].includes(answer.status ?? -1)).length;
  checks.check(others === 0, 'posts answered with anything but 200', others, 0);
  checks.check(reruns <= cut.length, 'jobs run again', reruns, `at most ${cut.length} posts cut`);
  checks.check(supervisedRestarts === 0, 'supervised workers started anew', supervisedRestarts, 0);
};

const isUnderWay = ({ sentAtMs, answer }: Post, atMs: number): boolean =>
  sentAtMs <= atMs + NOTICED_MAX_MS && answer.at >= atMs && answer.at <= atMs + NOTICED_MAX_MS;

const isWaiting = ({ sentAtMs, answer }: Post): boolean =>
  answer.status === 200 && answer.at - sentAtMs >= WAITED_MIN_MS;

/** What the death of the keeper costs: jobs run again, none is lost. */
export const judgeKeeper = (checks: Checks, load: GatewayLoad, phase: Phase): void => {
  const { killsAtMs, probe, supervisedRestarts } = phase;
  const counted = count(load, phase);
  const { posts, refused, cut, reruns } = counted;
  console.log(`the keeper, killed ${killsAtMs.length} times and started again at once:`);
  console.log(`     results posted: ${posts.length} (${tellAnswers(counted)})`);
  const closedMs = killsAtMs.map((atMs, index) => {
    const untilMs = killsAtMs[index + 1] ?? phase.toMs;
    const of = probe.refusals().filter((one) => one >= atMs && one < untilMs);
    return Math.max(0, ...of.map((one) => one - atMs));
  });
  console.log(`     its port was closed for ${closedMs.join(', ')} ms`);
  console.log(`     posts refused: ${refused}, posts cut: ${cut.length}, none of them repeated`);
  console.log(`     supervised workers started anew: ${supervisedRestarts}`);
  const lost = refused + cut.length;
  checks.check(reruns <= lost, 'jobs run again', reruns, `at most ${lost} posts refused or cut`);
};

/** Whether each acknowledged job has ended well, in spite of it all. */
export const judgeEnds = async (
  checks: Checks,
  { reader }: GatewayLoad,
  phases: readonly Phase[],
): Promise<void> => {
  for (const { ids, isQuiet } of phases) {
    const statuses = await reader.statuses(ids);
    const completed = ids.filter((id) => statuses.get(id)?.body.status === 'COMPLETED').length;
    checks.check(
      completed === ids.length && completed > 0 && isQuiet,
      'acknowledged jobs that are COMPLETED',
      completed,
      `all ${ids.length}`,
    );
  }
};
