/**
 * Two acts that meet at one job, in every interleaving and 10,000 times live: as in some order.
 *
 * First each pair of claim, finish, cancel, expire, overrun, retry, purge, escalate, recover and
 * what else moves a job, from each stand where one of the two can move it: the second comes while
 * the first one's transaction is open, which then commits or is undone. Then each pair that can
 * meet, sent at once by two sessions, in batches and one by one. Arguments name acts: only pairs
 * that begin with one are raced, and no tables are made. `--races N` for others than 10,000.
 */
import { parseArgs } from 'node:util';
import { prepareDatabase } from '../races/ground.ts';
import { type Cell, interleaveAll, openSessions, pairsAt } from '../races/interleave.ts';
import { listRivalries, type Rivalry, raceAll } from '../races/live-races.ts';
import { LEGEND, tableOf } from '../races/print-interleavings.ts';
import { STANDS, type Stand } from '../races/stands.ts';
import { checkInvariants } from '../support/invariants.ts';
import { startPostgres } from '../support/postgres.ts';
import { type TestStore, withStore } from '../support/store.ts';
import { startChecks } from './support/checks.ts';

const RACES = 10_000;
/** Databases beside each other, so that both processors have something to do. */
const LANES = 2;
/** The shares of the races that are sent in batches of such a size. */
const SHARES = [
  { size: 100, share: 0.9 },
  { size: 10, share: 0.09 },
  { size: 1, share: 0.01 },
] as const;
const SHOWN = 3;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { races: { type: 'string', default: String(RACES) } },
});
const races = Number(values.races);
const checks = startChecks();
// Two that wait for each other in opposite order are told after this long; nothing else waits.
await using postgres = await startPostgres({
  fsync: false,
  settings: { deadlock_timeout: '20ms' },
});
process.env.TEST_DATABASE_URL = postgres.url;

const openLane = async (): Promise<TestStore> => {
  const database = await withStore();
  await prepareDatabase(database);
  return database;
};

/** Has each lane take one of `items` after the other. */
const inLanes = async <Item>(
  lanes: readonly TestStore[],
  items: readonly Item[],
  work: (database: TestStore, lane: number, item: Item) => Promise<void>,
): Promise<void> => {
  const left = [...items];
  await Promise.all(
    lanes.map(async (database, lane) => {
      for (let item = left.shift(); item !== undefined; item = left.shift()) {
        await work(database, lane, item);
      }
    }),
  );
};

const sizesOf = (total: number): number[] =>
  SHARES.flatMap(({ size, share }) => Array<number>(Math.ceil((total * share) / size)).fill(size));

const interleaveEach = async (lanes: readonly TestStore[]): Promise<void> => {
  const sessions = lanes.map((database, lane) => openSessions(database, lane));
  console.log(LEGEND);
  await inLanes<Stand>(lanes, STANDS, async (database, lane, stand) => {
    const pair = sessions[lane];
    if (pair === undefined) throw new TypeError('each lane has its sessions');
    const cells: Cell[] = [];
    for await (const cell of interleaveAll(database, pair, stand, pairsAt(stand))) cells.push(cell);
    // An end that neither of them can move is of no use to any pair.
    if (cells.length === 0) return;
    checks.table(
      `interleavings at a job that is ${stand.name}`,
      cells.map(({ first, second, ending, fault }) => ({
        name: `${first}, ${second}, ${ending}`,
        fault,
      })),
    );
    for (const line of tableOf(cells)) console.log(line);
  });
};

const raceEach = async (lanes: readonly TestStore[]): Promise<void> => {
  const chosen = listRivalries().filter(
    ({ one }) => positionals.length === 0 || positionals.includes(one),
  );
  const sessions = lanes.map((database) => [database.another(), database.another()] as const);
  const all = { races: 0, deadlocks: 0 };
  await inLanes<Rivalry>(lanes, chosen, async (database, lane, rivalry) => {
    const pair = sessions[lane];
    if (pair === undefined) throw new TypeError('each lane has its sessions');
    const won = await raceAll(database, rivalry, { sizes: sizesOf(races), sessions: pair });
    const broken = await checkInvariants(database.url);
    const { stand, one, other } = rivalry;
    const faults = [...won.faults, ...broken];
    const figure = `${won.races} races, ${faults.length} not as in some order or breaking a rule`;
    const split = `${won.one}/${won.other}/${won.both}/${won.neither}`;
    checks.check(
      faults.length === 0 && won.races >= races,
      `${one} and ${other}, ${stand.name} (one/other/both/neither ${split})`,
      figure,
      `${races}, 0`,
    );
    for (const fault of faults.slice(0, SHOWN)) console.log(`       ${fault}`);
    all.races += won.races;
    all.deadlocks += won.deadlocks;
    await forget(database);
  });
  console.log(`     ${all.races} races, ${all.deadlocks} statements ended by a deadlock`);
};

/** Empties the tables of jobs: what was looked at need not be looked at again. */
const forget = async ({ sql }: TestStore): Promise<void> => {
  await sql(`truncate endpoints, counts, jobs, queue, delayed, leases, results, events, deliveries,
    job_secrets, stream_chunks`);
};

{
  await using lanes = new AsyncDisposableStack();
  const databases: TestStore[] = [];
  for (let lane = 0; lane < LANES; lane += 1) databases.push(lanes.use(await openLane()));
  if (positionals.length === 0) {
    await interleaveEach(databases);
    for (const database of databases) {
      const broken = await checkInvariants(database.url);
      checks.check(
        broken.length === 0,
        'rules broken after all of them',
        broken.join('; ') || 0,
        0,
      );
    }
  }
  await raceEach(databases);
}
checks.end();
