import type { Census, Footprint } from '../history.ts';
import { type Breach, type Given, tell } from './breach.ts';

/**
 * What is held may grow by a tenth, and by what pools and caches keep for the next request; of
 * memory also by garbage, which a process at rest has no reason to collect.
 */
const GROWTH_PART = 0.1;
const SPARE = { files: 10, sockets: 10, rssMib: 256, sessions: 4 } as const;
/** `idle_in_transaction_session_timeout` is 10 s; it is looked at each second. */
const IDLE_MAX_MS = 12_000;

const grew = (kind: keyof typeof SPARE, before: number, after: number): boolean =>
  after > before * (1 + GROWTH_PART) + SPARE[kind];

/** What is held of `after` that was not of `before`, or that ought to be and is not. */
export const excessOf = (before: Census, after: Census): Breach[] => {
  const former = new Map(before.processes.map((one) => [one.name, one]));
  const footprints = after.processes.flatMap((now) =>
    (['rssMib', 'files', 'sockets'] as const).flatMap((kind) => {
      const then: Footprint | undefined = former.get(now.name);
      return then !== undefined && grew(kind, then[kind], now[kind])
        ? [`${now.name} ${kind} ${then[kind]} to ${now[kind]}`]
        : [];
    }),
  );
  const sessions = Object.entries(after.sessions)
    .filter(([name, count]) => grew('sessions', before.sessions[name] ?? 0, count))
    .map(([name, count]) => `${name}: ${before.sessions[name] ?? 0} to ${count}`);
  const gone = before.processes
    .map(({ name }) => name)
    .filter((name) => !after.processes.some((one) => one.name === name));
  const crews = after.workers
    .filter(({ wanted, living }) => wanted !== living)
    .map(({ endpoint, wanted, living }) => `${endpoint}: ${living} of ${wanted}`);
  const locks = after.leakedLocks > 0 ? [`${after.leakedLocks} advisory locks`] : [];
  return [
    ...tell('a process holds what it held before', footprints, (what) => what),
    ...tell('each process is there again', gone, (name) => name),
    ...tell('sessions at the database are as many as before', sessions, (what) => what),
    ...tell('no lock outlives its transaction', locks, (what) => what),
    ...tell('whoever ended was waited for', after.zombies, (what) => what),
    ...tell('as many worker processes live as the minimum asks for', crews, (what) => what),
  ];
};

/** When all is quiet again, what the system holds is what it held before anything was broken. */
export const checkResources = ({ history, isClockSet = false }: Given): Breach[] => {
  const { censuses, idleSessions } = history;
  const [before, after] = [censuses[0], censuses.at(-1)];
  const idle = isClockSet ? [] : idleSessions.filter(({ idleMs }) => idleMs > IDLE_MAX_MS);
  return [
    ...(before === undefined || after === undefined ? [] : excessOf(before, after)),
    ...tell(
      'no session does nothing in a transaction for ten seconds',
      idle,
      ({ application, idleMs }) => `${application}: ${idleMs.toFixed(0)} ms`,
    ),
  ];
};
