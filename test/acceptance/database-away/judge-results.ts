import { tally, tellTally } from '../load/read-jobs.ts';
import type { Seen } from './seen.ts';

const FIRST_COMMIT_MAX_MS = 5_000;
/** What was on its way may be committed until the server is down, in ms. */
const STOPS_MAX_MS = 1_000;
const ALL_COMMITTED_MAX_MS = 15_000;

/** Whether each result that was posted while Postgres was away is stored, once and soon. */
export const judgeResults = (seen: Seen, finishing: readonly { readonly id: string }[]): void => {
  const { checks, facts, stoppedAtMs } = seen;
  const held = heldPosts(seen);
  const own = finishing.flatMap(({ id }) => held.get(id) ?? []);
  checks.check(
    own.length === finishing.length,
    'workers whose result was posted while it was away and answered after',
    own.length,
    `all ${finishing.length}`,
  );
  console.log(
    `     ${held.size} results were held, for ${(Math.min(...held.values()) / 1_000).toFixed(1)} ` +
      `to ${(Math.max(...held.values()) / 1_000).toFixed(1)} s`,
  );
  const answers = facts.filter(({ event, at }) => event === 'answer' && at >= stoppedAtMs);
  const refused = answers.filter(({ status, body = '' }) => status !== 200 || /false/.test(body));
  checks.check(
    refused.length === 0 && answers.length > 0,
    'posts that were refused, cut or not accepted since the stop',
    `${refused.length} of ${answers.length}`,
    0,
  );
  for (const { jobId, call, status, body, reason } of refused.slice(0, 5)) {
    console.log(`       ${call} of ${jobId}: ${status} ${body ?? reason}`);
  }
  const givenUp = facts.filter(({ event }) => event === 'giveUp').length;
  checks.check(givenUp === 0, 'results and chunks that a worker gave up', givenUp, 0);
  judgeCommits(seen, held);
};

/** How long each result was held that was posted before the return and answered after it, in ms. */
const heldPosts = ({ facts, returnedAtMs }: Seen): Map<string, number> => {
  const postedAtMs = new Map<string, number>();
  const held = new Map<string, number>();
  for (const { event, call, jobId = '', at } of facts) {
    if (call !== 'job-done') continue;
    if (event === 'post' && at < returnedAtMs) postedAtMs.set(jobId, at);
    const fromMs = postedAtMs.get(jobId);
    if (event === 'answer' && at >= returnedAtMs && fromMs !== undefined) {
      held.set(jobId, at - fromMs);
    }
  }
  return held;
};

/** When the results were committed, by the database's clock, which is this machine's. */
const judgeCommits = (
  { checks, jobs, stoppedAtMs, returnedAtMs }: Seen,
  held: ReadonlyMap<string, number>,
): void => {
  const commits = jobs
    .map(({ id, detail }) => ({ id, atMs: Date.parse(detail.events.at(-1)?.at ?? '') }))
    .filter(({ atMs }) => atMs > stoppedAtMs + STOPS_MAX_MS);
  const after = (list: readonly { atMs: number }[], pick: (...of: number[]) => number): number =>
    pick(...list.map(({ atMs }) => atMs)) - returnedAtMs;
  const firstMs = after(commits, Math.min);
  checks.check(
    firstMs <= FIRST_COMMIT_MAX_MS,
    'from Postgres taking connections to the first committed result, in s',
    (firstMs / 1_000).toFixed(2),
    `at most ${FIRST_COMMIT_MAX_MS / 1_000}`,
  );
  const lastMs = after(
    commits.filter(({ id }) => held.has(id)),
    Math.max,
  );
  checks.check(
    lastMs <= ALL_COMMITTED_MAX_MS,
    'until the last of those that were held, in s',
    (lastMs / 1_000).toFixed(2),
    `at most ${ALL_COMMITTED_MAX_MS / 1_000}`,
  );
};

/** Whether each job ended once, as it should, and was run once. */
export const judgeJobs = ({ checks, facts, jobs }: Seen): void => {
  const states = tellTally(tally(jobs.map(({ detail }) => detail.status)));
  const completed = jobs.filter(({ detail }) => detail.status === 'COMPLETED').length;
  checks.check(completed === jobs.length, 'acknowledged jobs', states, `${jobs.length} COMPLETED`);
  const altered = jobs.filter(({ status, wanted }) => !status.includes(`"output":${wanted}`));
  checks.check(altered.length === 0, 'outputs lost, doubled or altered', altered.length, 0);
  const torn = jobs.filter(({ chunks, wanted }) => chunks !== wanted);
  checks.check(torn.length === 0, 'streams with chunks lost, doubled or moved', torn.length, 0);
  for (const { chunks } of torn.slice(0, 3)) console.log(`       ${chunks.slice(0, 500)}`);
  for (const { status } of altered.slice(0, 3)) console.log(`       ${status.slice(0, 500)}`);
  const starts = facts.filter(({ event }) => event === 'start').flatMap(({ jobId }) => jobId ?? []);
  const started = new Set(starts);
  checks.check(
    starts.length === started.size && started.size === jobs.length,
    'executions of a job that had been started before, by the journals',
    `${starts.length - started.size} of ${starts.length} starts`,
    `0 of ${jobs.length}`,
  );
  const again = jobs.filter(({ detail }) => detail.attempt !== 1).length;
  checks.check(again === 0, 'jobs that needed more than one attempt', again, 0);
};
