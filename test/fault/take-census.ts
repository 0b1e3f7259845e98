/** What the processes of a run hold, as Linux and the database tell it. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { gatewayPidOf } from '../support/gateway-pid.ts';
import { excessOf } from './check/resources.ts';
import { type Ground, WORKER } from './ground.ts';
import { type Census, type Footprint, openJournal } from './history.ts';

const LOOK_AGAIN_MS = 1_000;

/** Whose processes and database are looked at. */
export type Household = {
  /** Where the history is written. */
  readonly folder: string;
  readonly databaseUrl: string;
  readonly pids: () => readonly Named[];
};

const householdOf = (ground: Ground): Household => ({
  ...{ folder: ground.folder, databaseUrl: ground.databaseUrl },
  pids: () => pidsOf(ground),
});

const lookAt = async ({ folder, databaseUrl, pids: find }: Household): Promise<Census> => {
  const pids = find();
  const everybody = processesThere();
  return {
    atMs: Date.now(),
    processes: pids.flatMap(([name, pid]) => footprintOf(name, pid)),
    zombies: zombiesOf(pids, everybody),
    ...(await askDatabase(databaseUrl, (endpoint) => countWorkers(everybody, folder, endpoint))),
  };
};

const note = ({ folder }: Household, census: Census): Census => {
  using journal = openJournal<Census>(path.join(folder, 'censuses'));
  journal.write(census);
  return census;
};

/** Writes down what is held now. */
export const takeCensus = async (household: Household): Promise<Census> =>
  note(household, await lookAt(household));

const START_MAX_MS = 20_000;

/** What is held before anything is asked, once the workers have started. */
export const censusAtRest = async (ground: Ground): Promise<Census> => {
  const household = householdOf(ground);
  const untilMs = performance.now() + START_MAX_MS;
  for (;;) {
    await pause(LOOK_AGAIN_MS);
    const census = await lookAt(household);
    const isThere = census.workers.every(({ wanted, living }) => wanted === living);
    if (isThere || performance.now() > untilMs) return note(household, census);
  }
};

/** Waits until no more is held than `before`, for `timeoutMs` at most; the last look is written. */
export const waitForRest = async (
  ground: Ground,
  before: Census,
  timeoutMs: number,
): Promise<void> => {
  const household = householdOf(ground);
  const untilMs = performance.now() + timeoutMs;
  while (excessOf(before, await takeCensus(household)).length > 0) {
    if (performance.now() > untilMs) return;
    await pause(LOOK_AGAIN_MS);
  }
};

type Named = readonly [name: string, pid: number];

const pidsOf = ({ switchyard, workers }: Ground): Named[] => {
  const found = [
    ...switchyard.processes.map((one) => [one.name, one.pid()] as const),
    ['gateway', gatewayPidOf(switchyard.process('supervisor'))] as const,
    ...Object.entries(workers).map(([name, { pid }]) => [name, pid] as const),
  ];
  return found.flatMap(([name, pid]) => (pid === undefined ? [] : [[name, pid] as const]));
};

/** None where the process has gone. */
const footprintOf = (name: string, pid: number): Footprint[] => {
  try {
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    const targets = readdirSync(`/proc/${pid}/fd`).map((fd) => targetOf(`/proc/${pid}/fd/${fd}`));
    const sockets = targets.filter((target) => target.startsWith('socket:')).length;
    return [{ name, rssMib: Math.round(Number(kib ?? 0) / 1_024), files: targets.length, sockets }];
  } catch {
    return [];
  }
};

/** One that was closed meanwhile leads nowhere. */
const targetOf = (link: string): string => {
  try {
    return readlinkSync(link);
  } catch {
    return '';
  }
};

type There = {
  readonly pid: number;
  readonly parent: number;
  readonly state: string;
  readonly words: readonly string[];
};

const processesThere = (): There[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const words = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
        // The name of the program stands in parentheses and may hold anything.
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        const [state = '', parent = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return [{ pid: Number(name), parent: Number(parent), state, words }];
      } catch {
        return [];
      }
    });

const zombiesOf = (pids: readonly Named[], everybody: readonly There[]): string[] => {
  const names = new Map(pids.map(([name, pid]) => [pid, name]));
  return everybody
    .filter(({ state, parent }) => state === 'Z' && names.has(parent))
    .map(({ pid, parent }) => `${pid} of ${names.get(parent)}`);
};

/** Those that a template of the run started, by whichever supervisor. */
const countWorkers = (everybody: readonly There[], folder: string, endpoint: string): number =>
  everybody.filter(({ state, words }) => {
    const at = words.indexOf(WORKER);
    return state !== 'Z' && at >= 0 && words[at + 1] === folder && words[at + 2] === endpoint;
  }).length;

const SESSIONS = `select application_name as name, count(*)::int from pg_stat_activity
  where datname = current_database() and pid <> pg_backend_pid() group by 1`;
const LOCKS = `select count(*)::int from pg_locks join pg_stat_activity using (pid)
  where locktype = 'advisory' and granted and state = 'idle'
    and state_change < clock_timestamp() - interval '1 s'`;
const MINIMA = `select endpoint_id as endpoint, (worker::json ->> 'minimum')::int as wanted
  from endpoints where worker is not null`;

const askDatabase = async (
  connectionString: string,
  countLiving: (endpoint: string) => number,
): Promise<Pick<Census, 'sessions' | 'leakedLocks' | 'workers'>> => {
  const client = new pg.Client({ connectionString, application_name: 'census' });
  await client.connect();
  try {
    const sessions = await client.query<{ name: string; count: number }>(SESSIONS);
    const locks = await client.query<{ count: number }>(LOCKS);
    const minima = await client.query<{ endpoint: string; wanted: number }>(MINIMA);
    return {
      sessions: Object.fromEntries(sessions.rows.map(({ name, count }) => [name, count])),
      leakedLocks: locks.rows[0]?.count ?? 0,
      workers: minima.rows.map((row) => ({ ...row, living: countLiving(row.endpoint) })),
    };
  } finally {
    await client.end();
  }
};
