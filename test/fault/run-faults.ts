import { BROKERS } from '../support/brokers.ts';
import { CLOCK_STEP_SECONDS, drawFaults, type Fault } from './draw-faults.ts';
import { ENDPOINTS, type Ground, openGround } from './ground.ts';
import { readHistory } from './history.ts';
import { judge, type Verdict } from './judge.ts';
import { keepRun } from './keep-run.ts';
import { followEvents } from './load/follow-events.ts';
import { openForbiddenTarget } from './load/open-forbidden-target.ts';
import { receiveWebhooks } from './load/receive-webhooks.ts';
import { type Load, runLoad } from './load/run-load.ts';
import type { FaultOptions } from './options.ts';
import { seededRandom } from './random.ts';
import { writeRunpodRuns } from './runpod-runs.ts';
import { strikeAll } from './strike-all.ts';
import { superviseAll, untilReady } from './supervise.ts';
import { censusAtRest, waitForRest } from './take-census.ts';
import { waitForQuiet } from './wait-for-quiet.ts';
import { watchSessions } from './watch-sessions.ts';

export type FaultRun = {
  readonly struck: readonly Fault[];
  readonly verdict: Verdict;
  /** Sentences about what went wrong besides the jobs. */
  readonly troubles: readonly string[];
};

const DISK_MIB = 1_536;
const QUIET_MAX_MS = 150_000;
/** Idle sessions are closed after a minute. */
const REST_MAX_MS = 75_000;
const CLOCK_SPARE_SECONDS = 30;
/** Between the first jobs and the first fault, and after the last fault. */
const CALM_PART = 0.03;

/** Runs the whole: load, faults, healing, and what became of the jobs. */
export const runFaults = async (options: FaultOptions): Promise<FaultRun> => {
  const random = seededRandom(options.seed);
  const faults = drawFaults(random, options.faults);
  await using forbidden = await openForbiddenTarget();
  const [redirectTo = ''] = forbidden.urls;
  await using receiver = await receiveWebhooks({ redirectTo });
  await using ground = await openGround({
    broker: options.broker,
    webhookPort: receiver.port,
    diskMib: DISK_MIB,
  });
  receiver.keepIn(ground.folder);
  forbidden.keepIn(ground.folder);
  await using watched = new AsyncDisposableStack();
  watched.use(watchSessions(ground.databaseUrl, ground.folder));
  const events = await followEvents(ground.broker.url, ground.folder);
  const supervision = superviseAll(ground.switchyard.processes);
  const before = await censusAtRest(ground);
  console.log('everything runs; the load begins');
  const load = beginLoad(ground, options, forbidden.urls);
  const failed = load.over.then(
    () => undefined,
    (error: unknown) => error,
  );
  const possible = faults.filter(({ kind }) => kind !== 'postgres-full' || ground.disk);
  await strikeAll({
    ...{ ground, supervision, faults: possible },
    allowed: () => {
      const part = load.begun() / options.jobs - CALM_PART;
      return Math.ceil((part / (1 - 2 * CALM_PART)) * possible.length);
    },
    tell: (line) => console.log(`     ${line}`),
  });
  const failure = await failed;
  if (failure !== undefined) throw failure;
  const isClockSet = possible.some(({ kind, target }) => kind === 'clock' && target === 'postgres');
  // What was written while the database's clock was ahead is due only when it is there again.
  if (isClockSet) ground.clocks.postgres.set(CLOCK_STEP_SECONDS + CLOCK_SPARE_SECONDS);
  console.log('everything was healed; waiting until nothing is under way');
  for (const process of ground.switchyard.processes) await untilReady(process);
  const left = await waitForQuiet(ground.databaseUrl, QUIET_MAX_MS, ground.broker.url);
  await waitForRest(ground, before, REST_MAX_MS);
  await watched.disposeAsync();
  supervision.end();
  await events[Symbol.asyncDispose]();
  writeRunpodRuns(ground.folder, ENDPOINTS.main, ground.runpod.facts());
  const history = readHistory(ground.folder);
  const troubles = [
    ...(left === '' ? [] : [`After healing there is still: ${left}.`]),
    ...supervision.strange().map((what) => `${what}, which nobody asked for.`),
    ...(await fatalLines(ground)),
  ];
  if (options.keep !== undefined) await keepRun(ground, options.keep);
  const verdict = await judge({
    history,
    databaseUrl: ground.databaseUrl,
    logs: await ground.switchyard.logs(),
    webhookSecrets: ground.webhookSecrets,
    concurrency: ground.concurrency,
    perSecond: options.perSecond,
    isClockSet,
  });
  return { struck: possible, verdict, troubles };
};

const beginLoad = (
  ground: Ground,
  options: FaultOptions,
  forbiddenUrls: readonly string[],
): Load => {
  const { apiUrl, broker, clientKeys, folder, proxies, switchyard } = ground;
  return runLoad({
    ...{ apiUrl, apiKey: switchyard.apiKey, brokerUrl: broker.url, folder },
    ...{ keys: clientKeys, forbiddenUrls },
    webhookUrl: `http://127.0.0.1:${proxies['notifier-webhooks'].port}`,
    // A stream of its own: how jobs interleave must not change which faults are drawn.
    random: seededRandom(options.seed + 1 + BROKERS.indexOf(options.broker)),
    jobs: options.jobs,
    perSecond: options.perSecond,
  });
};

const SHOWN = 5;

/** What ended a process because nobody caught it. */
const fatalLines = async ({ switchyard }: Ground): Promise<string[]> => {
  const lines = (await switchyard.logs()).split('\n');
  const fatal = lines.filter((line) => line.includes('"level":"fatal"'));
  return fatal.slice(0, SHOWN).map((line) => `A process died of: ${line.slice(0, 500)}`);
};
