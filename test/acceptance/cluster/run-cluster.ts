import { setTimeout as pause } from 'node:timers/promises';
import type { BrokerNode, BrokerServers } from '../../support/broker-servers.ts';
import { migrateBroker } from '../../support/run-migrate.ts';
import { judgeEvents, judgeJobs } from '../load/judge-load.ts';
import { troubleIn } from '../load/judge-logs.ts';
import { type Load, openLoad } from '../load/open-load.ts';
import { untilQuiet } from '../load/read-jobs.ts';
import type { Checks } from '../support/checks.ts';
import { publishJobs } from './publish-jobs.ts';

const POSTED = 10_000;
const PUBLISHED = 10_000;
/** The two ways together, a second: they take well over a minute. */
const PER_SECOND = 250;
const KILL_AT = 6_000;
const DEAD_MS = 20_000;
const WAIT_MAX_MS = 180_000;
const EVENTS_WAIT_MS = 60_000;
const LOOK_AGAIN_MS = 100;
const MEMBERS_AGAIN_MS = 1_000;

/** Runs the load on three nodes, kills one in the middle, and judges what became of the jobs. */
export const runCluster = async (trio: BrokerServers, checks: Checks): Promise<void> => {
  await migrateBroker(trio.url('operator'));
  await using load = await openLoad({
    brokerUrl: {
      intake: trio.url('intake'),
      scheduler: trio.url('scheduler'),
      supervisor: trio.url('supervisor'),
      notifier: trio.url('notifier'),
    },
    eventsUrl: trio.url('operator'),
    concurrency: 32,
    workMs: 20,
  });
  // Chosen before, since it may take RabbitMQ's commands a while to tell who leads.
  const victim = await chooseVictim(trio);
  const posting = load.post({
    count: POSTED,
    concurrency: 64,
    perSecond: PER_SECOND / 2,
    retryAfterMs: [],
  });
  const publishing = publishJobs(trio.url('operator'), load.endpoint, PUBLISHED, PER_SECOND / 2);
  await untilCompleted(load, KILL_AT);
  const killedAtMs = Date.now();
  const completedBefore = await completedBy(load);
  await victim.kill();
  await pause(DEAD_MS);
  const backAtMs = Date.now();
  const completedMeanwhile = (await completedBy(load)) - completedBefore;
  await victim.start();
  await untilMembers(trio);

  const report = await posting.report;
  const repeats = await publishing;
  const isQuiet = await untilAllTaken(load);
  checks.check(
    completedMeanwhile >= (PER_SECOND * DEAD_MS) / 1_000 / 4 && completedBefore < KILL_AT * 2,
    `jobs completed in the ${DEAD_MS / 1_000} s without the node`,
    `${completedMeanwhile}, after ${completedBefore} before`,
    `at least a quarter of the load of ${PER_SECOND} a second`,
  );
  checks.check(
    report.givenUp === 0,
    'posts refused or failed, without any retry',
    `${report.givenUp} ${JSON.stringify(report.failures)}`,
    `0 of ${POSTED}`,
  );
  const ids = (await load.reader.requests()).map(({ id }) => id);
  const known = new Set(ids);
  const lost = [...load.acknowledged().values()].filter((id) => !known.has(id)).length;
  checks.check(
    ids.length === POSTED + PUBLISHED && lost === 0 && isQuiet,
    `jobs of ${POSTED} posts and ${PUBLISHED} publications`,
    `${ids.length}, ${lost} acknowledged ones lost; ${repeats} publications repeated`,
    POSTED + PUBLISHED,
  );
  await judgeJobs(checks, load, ids);
  await judgeEvents(checks, load, ids, EVENTS_WAIT_MS);
  const members = await trio.members();
  checks.check(members === 3, 'nodes that hold the submissions after its return', members, 3);
  await tell(load, killedAtMs, backAtMs);
};

const completedBy = async ({ reader }: Pick<Load, 'reader'>): Promise<number> =>
  (await reader.health())?.jobs.completed ?? 0;

const untilCompleted = async ({ reader }: Load, count: number): Promise<void> => {
  const untilMs = performance.now() + WAIT_MAX_MS;
  while ((await completedBy({ reader })) < count) {
    if (performance.now() > untilMs) throw new Error(`${count} jobs were not completed in time`);
    await pause(LOOK_AGAIN_MS);
  }
};

/** Whether both ways' jobs have all come in and ended. */
const untilAllTaken = async (load: Load): Promise<boolean> => {
  await untilCompleted(load, POSTED + PUBLISHED).catch(() => undefined);
  return await untilQuiet(load.reader, EVENTS_WAIT_MS);
};

const chooseVictim = async (trio: BrokerServers): Promise<BrokerNode> => {
  const [leader, connections] = [await trio.leader(), await trio.connections()];
  const weigh = (node: BrokerNode): number =>
    (connections.get(node) ?? 0) + (node === leader ? 2 : 0);
  const [victim] = trio.nodes.toSorted((a, b) => weigh(b) - weigh(a));
  if (victim === undefined) throw new Error('there is no node');
  const clients = [...connections.values()].reduce((sum, count) => sum + count, 0);
  const leads = victim === leader ? 'leads the submissions' : 'leads nothing';
  const its = `${connections.get(victim)} of ${clients} clients`;
  console.log(`     to be killed: ${victim.name}, which ${leads}, with ${its}`);
  return victim;
};

const untilMembers = async (trio: BrokerServers): Promise<void> => {
  const untilMs = performance.now() + EVENTS_WAIT_MS;
  while ((await trio.members()) < trio.nodes.length && performance.now() < untilMs) {
    await pause(MEMBERS_AGAIN_MS);
  }
};

const tell = async (load: Load, killedAtMs: number, backAtMs: number): Promise<void> => {
  const rate = (fromMs: number, toMs: number) => load.watch.rate(fromMs, toMs).toFixed(0);
  const { pauseMs, atMs } = load.watch.longestPause(killedAtMs - 1_000, backAtMs + 20_000);
  console.log(
    `     longest time without a completed job: ${pauseMs} ms, ` +
      `${((atMs - killedAtMs) / 1_000).toFixed(1)} s after the kill`,
  );
  console.log(
    `     completed before ${rate(killedAtMs - 10_000, killedAtMs)} jobs/s, with two nodes ` +
      `${rate(killedAtMs, backAtMs)} jobs/s, then ${rate(backAtMs, backAtMs + 10_000)} jobs/s`,
  );
  const trouble = troubleIn(await load.switchyard.logs());
  console.log(`     lines at error in the logs: ${trouble.length}`);
  for (const line of trouble.slice(0, 5)) console.log(`       ${line.slice(0, 300)}`);
};
