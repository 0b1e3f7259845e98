import { setTimeout as pause } from 'node:timers/promises';
import type { RunpodWorker } from '../../support/start-runpod-worker.ts';
import { type JobReader, openJobReader, tally, tellTally } from '../load/read-jobs.ts';
import type { JournalWorker } from '../load/start-journal-worker.ts';
import type { Call } from '../support/call-http.ts';
import type { Checks } from '../support/checks.ts';
import { readJob } from '../worker-troubles/history.ts';
import { CHUNKS, type Life, PLAIN, STREAMING } from './live-through.ts';

export type Judging = {
  readonly checks: Checks;
  readonly apiUrl: string;
  readonly apiKey: string;
  readonly call: Call;
  /** Each acknowledged job. */
  readonly lives: readonly Life[];
  readonly ours: readonly JournalWorker[];
  readonly runpod: RunpodWorker;
};

/** Long enough for a second end to come, were there any way to it. */
const UNCHANGED_MS = 3_000;
const TOLD = 3;
/** What the restarts may cost in work done twice. */
const RERUN_MAX_PART = 0.01;
const WANTED_CHUNKS = JSON.stringify(Array.from({ length: CHUNKS }, (_, chunk) => ({ chunk })));

/** Whether each acknowledged job had one end, the right one, and was made and run once. */
export const judgeJobs = async (judging: Judging): Promise<void> => {
  const { checks, apiUrl, apiKey, lives } = judging;
  await pause(UNCHANGED_MS);
  const stored = new Map<string, string>();
  for (const endpoint of [PLAIN, STREAMING]) {
    using reader: JobReader = openJobReader(apiUrl, endpoint, apiKey);
    for (const { id, status } of await reader.requests()) stored.set(id, status);
  }
  const ends = tellTally(tally(lives.map(({ end = 'unknown' }) => end)));
  const ended = lives.filter(({ end, cancelled }) => isRightEnd(end, cancelled));
  checks.check(
    ended.length === lives.length && lives.length > 0,
    'acknowledged jobs by the end that their client saw',
    ends,
    `${lives.length}, COMPLETED unless cancelled`,
  );
  const wrong = lives.filter((life) => !ended.includes(life)).map(({ id }) => id);
  await tellHistories(judging, wrong);
  const changed = lives.filter(({ id, end }) => stored.get(id) !== end).length;
  checks.check(changed === 0, 'ends that are lost, changed, or differ in /requests', changed, 0);
  const ids = new Set(lives.map(({ id }) => id));
  const strangers = [...stored.keys()].filter((id) => !ids.has(id)).length;
  checks.check(
    ids.size === lives.length && strangers === 0,
    'jobs made twice for one key, or never acknowledged',
    strangers + lives.length - ids.size,
    0,
  );
  const streams = lives.filter(({ chunks }) => chunks !== undefined);
  const torn = streams.filter(({ chunks }) => JSON.stringify(chunks) !== WANTED_CHUNKS).length;
  checks.check(
    torn === 0 && streams.length > 0,
    'streams with chunks lost, doubled or moved',
    `${torn} of ${streams.length}`,
    0,
  );
  await judgeRuns(judging);
};

const isRightEnd = (end: string | undefined, cancelled: boolean): boolean =>
  end === 'COMPLETED' || (cancelled && end === 'CANCELLED');

const judgeRuns = async (judging: Judging): Promise<void> => {
  const { checks, ours, runpod } = judging;
  const starts = ours.flatMap((worker) => worker.starts());
  const theirs = runpod.facts().filter(({ event }) => event === 'start');
  const runs = tally([...starts, ...theirs.flatMap(({ jobId }) => jobId ?? [])]);
  const again = [...runs].flatMap(([id, count]) => (count > 1 ? [id] : []));
  const most = Math.ceil(RERUN_MAX_PART * runs.size);
  checks.check(
    again.length <= most && starts.length > 0 && theirs.length > 0,
    'jobs run again',
    `${again.length} of ${runs.size}, ${theirs.length} starts by RunPod's protocol`,
    `at most ${most}`,
  );
  // RunPod's worker drops a result whose connection is refused, as one is while the keeper is away.
  const dropped = new Set(
    runpod.facts().flatMap(({ event, jobId }) => (event === 'giveUp' ? (jobId ?? []) : [])),
  );
  const others = again.filter((id) => !dropped.has(id));
  console.log(
    `     results that RunPod's worker gave up, its connection refused: ${dropped.size}; ` +
      `jobs run again for another reason: ${others.length}`,
  );
  await tellHistories(judging, others);
};

/** Prints what the API and the worker of RunPod's protocol tell of some jobs. */
const tellHistories = async ({ call, runpod }: Judging, ids: readonly string[]): Promise<void> => {
  for (const id of ids.slice(0, TOLD)) {
    const { events } = await readJob(call, id);
    for (const { at, text } of events) console.log(`       ${at} ${text}`);
    for (const { at, event, status } of runpod.facts().filter(({ jobId }) => jobId === id)) {
      console.log(`       ${new Date(at).toISOString()} its worker: ${event} ${status ?? ''}`);
    }
  }
};
