import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { submit } from '../support/setup-calls.ts';
import { showHistory, type Trouble, untilJob } from './history.ts';

const REQUEUED_MAX_MS = 1_000;
const ATTEMPTS = 2;
/** As many failures in a row as make a crash loop take two jobs and a half. */
const FAILURES = 5;
const QUIET_MS = 20_000;
const WAIT_MS = 120_000;

type Line = { readonly what: 'started' | 'killed'; readonly at: number; readonly job: string };

const readJournal = async (file: string): Promise<Line[]> =>
  (await readFile(file, 'utf8').catch(() => ''))
    .split('\n')
    .filter(Boolean)
    .map((line): Line => JSON.parse(line));

/** A supervised worker kills itself on each run: attempts are spent, and its restarts back off. */
export const killItself = async (trouble: Trouble, journalPath: string): Promise<void> => {
  const { checks, call } = trouble;
  const ids: string[] = [];
  for (let n = 0; n < 3; n += 1) ids.push(await submit(call, 'suicide', { input: n }));
  const [first = '', second = '', third = ''] = ids;
  const isFailed = ({ status }: { status: string }) => status === 'FAILED';
  const failed = [
    await untilJob(call, first, isFailed, WAIT_MS),
    await untilJob(call, second, isFailed, WAIT_MS),
  ];
  const third_ = await untilJob(call, third, ({ events }) => events.length >= 3, WAIT_MS);
  const journal = await readJournal(journalPath);
  const gapsMs = [...failed, third_].flatMap((job) => {
    const kills = journal.filter(({ what, job: id }) => what === 'killed' && id === job.id);
    const ends = job.events.filter(({ reason }) => reason === 'worker_exited');
    return ends.map(({ at }, index) => Date.parse(at) - (kills[index]?.at ?? Number.NaN));
  });
  const slowestMs = Math.max(...gapsMs);
  checks.check(
    gapsMs.length === FAILURES && slowestMs <= REQUEUED_MAX_MS,
    'kills itself: slowest from the kill to the queue, in s',
    `${(slowestMs / 1_000).toFixed(2)} of ${gapsMs.length}`,
    `at most ${REQUEUED_MAX_MS / 1_000} of ${FAILURES}`,
  );
  const [job] = failed;
  const ends = failed.map(({ attempt, error }) => `${attempt} attempts: ${error}`);
  const areTold = failed.every(
    ({ attempt, error = '' }) => attempt === ATTEMPTS && /ended in the middle of it/.test(error),
  );
  checks.check(areTold, 'kills itself: ends', ends[0] ?? 'none', `FAILED after ${ATTEMPTS}`);
  if (job !== undefined) await showHistory(trouble, 'kills itself', job);

  const waits = ({ waiting }: { waiting?: { reason: string } | undefined }) =>
    waiting?.reason.startsWith('Workers fail again and again') === true;
  const waiting = await untilJob(call, third, waits, WAIT_MS);
  const why = waiting.waiting?.reason ?? 'none';
  checks.check(waits(waiting), 'kills itself: why the next job waits', why, 'workers fail again');
  const before = (await readJournal(journalPath)).filter(({ what }) => what === 'started');
  await pause(QUIET_MS);
  const after = (await readJournal(journalPath)).filter(({ what }) => what === 'started');
  const pausesMs = before.map(({ at }, index) => at - (before[index - 1]?.at ?? at)).slice(1);
  checks.check(
    after.length === before.length && (pausesMs[3] ?? 0) > (pausesMs[0] ?? 0),
    'kills itself: pauses between starts, in s',
    `${pausesMs.map((ms) => (ms / 1_000).toFixed(1)).join(', ')}, then none in ${QUIET_MS / 1_000}`,
    'growing, then none',
  );
};
