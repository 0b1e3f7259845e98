import os from 'node:os';
import path from 'node:path';
import { FAILPOINT_MODES, type FailpointMode } from '@switchyard/runtime';
import type { Checks } from '../acceptance/support/checks.ts';
import { type Ground, openGround } from '../fault/ground.ts';
import { type FaultWindow, openJournal, readHistory } from '../fault/history.ts';
import { judge } from '../fault/judge.ts';
import { keepRun } from '../fault/keep-run.ts';
import { followEvents } from '../fault/load/follow-events.ts';
import { receiveWebhooks } from '../fault/load/receive-webhooks.ts';
import { runLoad } from '../fault/load/run-load.ts';
import { seededRandom } from '../fault/random.ts';
import { writeRunpodRuns } from '../fault/runpod-runs.ts';
import { type Supervision, superviseAll, untilReady } from '../fault/supervise.ts';
import { waitForQuiet } from '../fault/wait-for-quiet.ts';
import { checkInvariants } from '../support/invariants.ts';
import { exerciseApi, exercised, PASSING } from './exercise-api.ts';
import { type Struck, strikeWave, type Wave } from './strike-wave.ts';

/** So many points at once: each crash costs a start, and each error a retry of somebody. */
const POINTS_A_WAVE: Readonly<Record<FailpointMode, number>> = {
  'crash-before': 28,
  'crash-after': 28,
  error: 50,
  lost: 50,
  delay: 200,
};
/** A point that nothing passed while others struck is armed again, with those like it. */
const ROUNDS_MAX = 3;
const PER_SECOND = 15;
const QUIET_MAX_MS = 120_000;
const DISK_MIB = 1_024;

/** What came of one point: in each mode when it struck, in ms; undefined where it did not. */
export type PointOutcome = ReadonlyMap<FailpointMode, number | undefined>;

export type FailpointRun = {
  readonly checks: Checks;
  readonly points: readonly string[];
  readonly modes: readonly FailpointMode[];
  /** Where the history and the logs are kept after the run; unset: nowhere. */
  readonly keep: string | undefined;
};

const wavesOf = (mode: FailpointMode, points: readonly string[]): Wave[] => {
  const size = POINTS_A_WAVE[mode];
  const count = Math.ceil(points.length / size);
  // Dealt out, so that the points of one service do not all come together.
  return Array.from({ length: count }, (_, wave) => ({
    mode,
    points: points.filter((_point, at) => at % count === wave),
  }));
};

/** Strikes at each point in each mode under load, and judges what became of the jobs. */
export const runFailpoints = async (run: FailpointRun): Promise<Map<string, PointOutcome>> => {
  await using receiver = await receiveWebhooks();
  const armedPath = path.join(os.tmpdir(), `switchyard-failpoints-${process.pid}`);
  await using ground = await openGround({
    ...{ broker: 'nats', webhookPort: receiver.port, diskMib: DISK_MIB, config: exercised },
    env: { SWITCHYARD_FAILPOINTS: armedPath },
  });
  receiver.keepIn(ground.folder);
  await using events = new AsyncDisposableStack();
  events.use(await followEvents(ground.broker.url, ground.folder));
  const supervision = superviseAll(ground.switchyard.processes);
  const parts = { ground, supervision, armedPath };
  const outcomes: Outcomes = new Map();
  for (const mode of run.modes) {
    const ending = beginLoad(ground);
    await strikeRounds(run, parts, mode, outcomes);
    await ending();
    const busy = await waitForQuiet(ground.databaseUrl, QUIET_MAX_MS, ground.broker.url);
    run.checks.check(busy === '', `${mode}: under way after healing`, busy || 'nothing', 'nothing');
  }
  for (const one of ground.switchyard.processes) await untilReady(one);
  supervision.end();
  await events.disposeAsync();
  writeRunpodRuns(ground.folder, 'main', ground.runpod.facts());
  if (run.keep !== undefined) await keepRun(ground, run.keep);
  await judgeAll(run.checks, ground, supervision);
  return outcomes;
};

type Parts = {
  readonly ground: Ground;
  readonly supervision: Supervision;
  readonly armedPath: string;
};

type Outcomes = Map<string, Map<FailpointMode, number | undefined>>;

/** Strikes at every point in one mode, and again at those that nothing passed. */
const strikeRounds = async (
  { checks, points }: FailpointRun,
  parts: Parts,
  mode: FailpointMode,
  outcomes: Outcomes,
): Promise<void> => {
  let left = points;
  for (let round = 0; round < ROUNDS_MAX && left.length > 0; round += 1) {
    for (const wave of wavesOf(mode, left)) {
      for (const [point, ms] of await strikeOne(checks, parts, wave)) {
        const own = outcomes.get(point) ?? new Map<FailpointMode, number | undefined>();
        outcomes.set(point, own.set(mode, ms));
      }
    }
    left = left.filter((point) => outcomes.get(point)?.get(mode) === undefined);
  }
  checks.check(left.length === 0, `${mode}: never passed`, left.join(' ') || 'none', 'none');
};

/** Begins the load of a mode. @returns what ends it. */
const beginLoad = (ground: Ground): (() => Promise<void>) => {
  const stop = new AbortController();
  const { apiUrl, broker, folder, proxies, switchyard } = ground;
  const common = { apiKey: switchyard.apiKey, brokerUrl: broker.url, folder, stop: stop.signal };
  const load = runLoad({
    ...{ ...common, apiUrl, jobs: Number.MAX_SAFE_INTEGER, perSecond: PER_SECOND },
    webhookUrl: `http://127.0.0.1:${proxies['notifier-webhooks'].port}`,
    random: seededRandom(Date.now()),
  });
  const exercise = exerciseApi({ ...common, apiUrl, gatewayUrl: switchyard.gatewayUrl });
  return async () => {
    stop.abort();
    await Promise.all([load.over, exercise]);
  };
};

const strikeOne = async (
  checks: Checks,
  { ground, supervision, armedPath }: Parts,
  wave: Wave,
): Promise<Struck> => {
  using journal = openJournal<FaultWindow>(path.join(ground.folder, 'faults'));
  const atMs = Date.now();
  const struck = await strikeWave(ground, supervision, armedPath, wave);
  journal.write({ kind: wave.mode, target: 'failpoints', atMs, endedAtMs: Date.now() });
  const missed = [...struck].filter(([, ms]) => ms === undefined).map(([point]) => point);
  const seconds = ((Date.now() - atMs) / 1_000).toFixed(0);
  const name = `${wave.mode}: ${wave.points.length} points, ${seconds} s`;
  const broken = await checkInvariants(ground.databaseUrl);
  checks.check(broken.length === 0, `${name}, invariants broken`, broken.length, 0);
  for (const sentence of broken) console.log(`       ${sentence.slice(0, 400)}`);
  if (missed.length > 0) console.log(`     not passed this time: ${missed.join(' ')}`);
  return struck;
};

const judgeAll = async (
  checks: Checks,
  ground: Ground,
  supervision: Supervision,
): Promise<void> => {
  const { databaseUrl, switchyard, concurrency } = ground;
  const logs = await switchyard.logs();
  const history = readHistory(ground.folder);
  // Jobs that were kept for a second have left the log, though not the broker.
  const events = history.events.filter(({ endpoint }) => !endpoint.startsWith(PASSING));
  const parts = { databaseUrl, logs, concurrency, passing: PASSING };
  const evidence = { history: { ...history, events }, ...parts };
  const verdict = await judge(evidence);
  const { acknowledged, found, lost, twoTerminal, altered, reruns, runs, faults } = verdict;
  checks.check(found === acknowledged && found > 0, 'acknowledged jobs found', found, acknowledged);
  const figures = `${lost} lost, ${twoTerminal} with two ends, ${altered} altered`;
  checks.check(lost + twoTerminal + altered === 0, 'jobs', figures, 'none');
  checks.check(faults.length === 0, 'rules broken', faults.length, 0);
  for (const sentence of faults) console.log(`       ${sentence.slice(0, 400)}`);
  const strange = supervision.strange();
  checks.check(strange.length === 0, 'processes that ended by themselves', strange.length, 0);
  for (const what of strange) console.log(`       ${what}`);
  console.log(`     runs ${runs}, starts of a job that had been started before ${reruns}`);
};

/** Every mode, in the order in which they are cheap. */
export const MODES_IN_TURN: readonly FailpointMode[] = [...FAILPOINT_MODES].reverse();
