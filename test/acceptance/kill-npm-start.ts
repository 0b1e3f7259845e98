/**
 * Kills `npm start`, the npm or the node of it, with -9 under load: the next start has one of each.
 *
 * In a copy of the repository with a data directory of its own. At the latest when the next start
 * is ready one postmaster, one Switchyard and only its own workers run for that directory, and each
 * acknowledged job is completed. Of two starts at once one wins, and the other says so.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../support/free-port.ts';
import { copyTree } from './kill-npm-start/copy-tree.ts';
import {
  type Census,
  endAll,
  type Home,
  type NpmStart,
  npmStart,
  straysIn,
  takeCensus,
} from './kill-npm-start/npm-start.ts';
import { ENDPOINT, trickleJobs } from './kill-npm-start/trickle-jobs.ts';
import { openJobReader, tally, tellTally, untilQuiet } from './load/read-jobs.ts';
import { startChecks } from './support/checks.ts';

const ROUNDS = Number(process.argv[2] ?? 5);
const LOAD_MS = 1_500;
const QUICK_MS = 5_000;
/** A stop drains for up to 30 s; until then a start is told that another one runs. */
const END_MAX_MS = 40_000;
const JOBS_MAX_MS = 60_000;
const LOOK_AGAIN_MS = 50;

const checks = startChecks();

const openHome = async (): Promise<Home> => {
  const root = await mkdtemp(path.join(os.tmpdir(), 'switchyard-npm-'));
  const tree = path.join(root, 'tree');
  copyTree(tree);
  const port = await freePort();
  return {
    root,
    tree,
    dataDir: path.join(root, 'data'),
    apiUrl: `http://127.0.0.1:${port}`,
    ports: { PORT: String(port), WORKER_PORT: String(await freePort()) },
    apiKey: `test-${randomBytes(24).toString('hex')}`,
  };
};

const tell = (census: Census): string =>
  `${census.switchyards.length} Switchyard, ${census.postmasters.length} postmaster, ` +
  `${census.workers.length} workers, ${straysIn(census)} stray`;

const isOneOfEach = (census: Census): boolean =>
  census.switchyards.length === 1 && census.postmasters.length === 1 && straysIn(census) === 0;

/** Whether nothing of the killed one is left but at most its database. */
const isDown = ({ switchyards, postmasters, workers }: Census): boolean =>
  switchyards.length === 0 && workers.length === 0 && postmasters.length <= 1;

/** How long it took in ms; undefined when it did not come to be in `timeoutMs`. */
const timeUntilDown = async (home: Home, timeoutMs: number): Promise<number | undefined> => {
  const startedMs = performance.now();
  while (performance.now() - startedMs < timeoutMs) {
    if (isDown(takeCensus(home))) return performance.now() - startedMs;
    await pause(LOOK_AGAIN_MS);
  }
  return undefined;
};

/** @throws Error with what it printed when it ends instead. */
const startReady = async (home: Home): Promise<NpmStart> => {
  const start = npmStart(home);
  if (!(await start.ready())) throw new Error(`npm start ended:\n${start.output().slice(-4_000)}`);
  return start;
};

/** Kills `victim` under load, starts again and judges. @returns the start that runs then. */
const killUnderLoad = async (
  home: Home,
  running: NpmStart,
  victim: 'npm' | 'node',
  round: number,
): Promise<NpmStart> => {
  const name = `${victim} killed, round ${round}`;
  const trickle = trickleJobs(home);
  await pause(LOAD_MS);
  // Shows that the census sees workers, so that it may be believed when it sees none.
  judgeWhole(`${name}: before`, takeCensus(home));
  process.kill(victim === 'npm' ? running.npmPid : running.nodePid(), 'SIGKILL');
  // A node that was killed is started again at once; below a killed npm it must end by itself.
  const downMs = victim === 'npm' ? await timeUntilDown(home, END_MAX_MS) : 0;
  await trickle.stop();
  if (victim === 'npm') {
    const bound = `nothing but the database after at most ${END_MAX_MS / 1_000} s`;
    const figure = downMs === undefined ? tell(takeCensus(home)) : `${Math.round(downMs)} ms`;
    checks.check(downMs !== undefined, `${name}: ended`, figure, bound);
  }
  const startedMs = performance.now();
  const next = await startReady(home);
  const readyMs = performance.now() - startedMs;
  const census = await censusWithin(home, Math.max(0, QUICK_MS - readyMs));
  checks.check(
    isOneOfEach(census),
    `${name}: next start ready after ${Math.round(readyMs)} ms`,
    tell(census),
    '1 Switchyard, 1 postmaster, 0 stray',
  );
  await judgeJobs(home, name, trickle.acknowledged);
  judgeWhole(`${name}: afterwards`, takeCensus(home));
  return next;
};

/** Whether a system at work is whole: one of each, and workers that are its own. */
const judgeWhole = (name: string, census: Census): void =>
  checks.check(
    isOneOfEach(census) && census.workers.length > 0,
    name,
    tell(census),
    '1 Switchyard, 1 postmaster, at least 1 worker, 0 stray',
  );

/** The census as soon as there is one of each, at the latest after `waitMs`. */
const censusWithin = async (home: Home, waitMs: number): Promise<Census> => {
  const untilMs = performance.now() + waitMs;
  for (;;) {
    const census = takeCensus(home);
    if (isOneOfEach(census) || performance.now() > untilMs) return census;
    await pause(LOOK_AGAIN_MS);
  }
};

const judgeJobs = async (home: Home, name: string, ids: readonly string[]): Promise<void> => {
  using reader = openJobReader(home.apiUrl, ENDPOINT, home.apiKey);
  await untilQuiet(reader, JOBS_MAX_MS);
  const found = await reader.statuses(ids);
  const states = tally(ids.map((id) => found.get(id)?.body.status ?? 'lost'));
  checks.check(
    states.get('COMPLETED') === ids.length && ids.length > 0,
    `${name}: acknowledged jobs`,
    tellTally(states),
    `COMPLETED ${ids.length}`,
  );
};

/** Two starts at once on one directory. */
const raceStarts = async (home: Home, round: number): Promise<void> => {
  const starts = [npmStart(home), npmStart(home)];
  const outcomes = await Promise.all(starts.map((start) => start.ready()));
  const winners = starts.filter((_, index) => outcomes[index]);
  const losers = starts.filter((_, index) => !outcomes[index]);
  const codes = await Promise.all(losers.map((start) => start.exited));
  const said = losers.map((start) => /already running (?:at|in) \S+/.exec(start.output())?.[0]);
  const census = takeCensus(home);
  const isWon = winners.length === 1 && losers.length === 1 && isOneOfEach(census);
  checks.check(
    isWon && codes[0] === 2 && said[0] !== undefined,
    `two starts at once, round ${round}`,
    `${winners.length} won, exit code ${codes.join()}, said ${said.join()}; ${tell(census)}`,
    '1 won, 2, already running',
  );
  await raceLate(home, round);
  await endAll(home);
};

/** A start beside one that is ready is told where that one is. */
const raceLate = async (home: Home, round: number): Promise<void> => {
  const late = npmStart(home);
  const isReady = await late.ready();
  const code = isReady ? 'none' : await late.exited;
  const isTold = late.output().includes(`already running at ${home.apiUrl}`);
  checks.check(
    code === 2 && isTold,
    `a start beside a ready one, round ${round}`,
    `exited ${code}, ${isTold ? 'told' : 'not told'} the URL`,
    '2, told',
  );
};

const home = await openHome();
try {
  let running = await startReady(home);
  for (const victim of ['npm', 'node'] as const) {
    for (let round = 1; round <= ROUNDS; round += 1) {
      running = await killUnderLoad(home, running, victim, round);
    }
  }
  await endAll(home);
  for (let round = 1; round <= ROUNDS; round += 1) await raceStarts(home, round);
} finally {
  await endAll(home);
  await rm(home.root, { recursive: true, force: true });
}
checks.end();
