/** What is done with the worker processes of the endpoints, one step a function. */
import type { EndpointId } from '@switchyard/contracts';
import { type Crew, createCrew, type Member, memberOf } from './crew.ts';
import type { WorkerPlan } from './describe-worker.ts';
import { isCrashLooping, type Life, paceAfterExit, startsAllowed } from './pace-restarts.ts';
import { type SettleContext, settleWorker } from './settle-worker.ts';
import { admitWorker, newIncarnation, type StartContext, specOf } from './start-worker.ts';
import type { ProcessExit, WorkerHost } from './worker-host.ts';

/** So many workers may be on their way at a time: starting a process is the dearest thing here. */
const STARTS_AT_ONCE = 8;

export type TendingContext = SettleContext & StartContext & { readonly host: WorkerHost };

export type Tending = TendingContext & {
  readonly crews: Map<EndpointId, Crew>;
  /** Aborts when no more workers are to be started. */
  readonly halt: AbortController;
  /** Aborts when what is not settled by then is left to others. */
  readonly giveUp: AbortController;
  readonly underWay: Set<Promise<void>>;
};

/** Has `stop` wait for `work`, which must not reject. */
export const track = ({ underWay }: Tending, work: Promise<void>): void => {
  underWay.add(work);
  void work.finally(() => underWay.delete(work));
};

export const crewOf = ({ crews }: Tending, endpointId: EndpointId): Crew => {
  const crew = crews.get(endpointId) ?? createCrew(endpointId);
  crews.set(endpointId, crew);
  return crew;
};

export const findMember = ({ crews }: Tending, workerId: string): Member | undefined => {
  for (const crew of crews.values()) {
    const member = crew.members.get(workerId);
    if (member !== undefined) return member;
  }
  return undefined;
};

/** Drains a worker and ends its process; one that is ending already goes on as it does. */
export const endMember = (
  { workers, host }: Tending,
  member: Member,
  graceMs = member.killAfterMs,
): void => {
  const isRunning = member.state === 'running';
  member.state = 'ending';
  // Before the signal: a worker that leaves still takes a job from a poll that is held.
  workers.drain(member.endpointId, member.workerId);
  if (isRunning) host.end(member.workerId, { graceMs });
};

/** Ends the workers of an endpoint that are not wanted any more, and starts those that miss. */
export const reconcileCrew = (tending: Tending, crew: Crew): void => {
  if (tending.halt.signal.aborted) return;
  for (const member of crew.surplus(tending.workers)) endMember(tending, member);
  const { plan } = crew;
  if (plan === undefined) return;
  const nowMs = performance.now();
  crew.noteLife(nowMs);
  const missing = plan.minimum - crew.members.size;
  const plannedMs = [...crew.members.values()].map((member) => member.plannedMs);
  const allowed = startsAllowed(crew.pace, missing, { nowMs, plannedMs });
  const crews = [...tending.crews.values()];
  const starting = crews.reduce((sum, one) => sum + one.startingCount(), 0);
  for (let left = Math.min(allowed, STARTS_AT_ONCE - starting); left > 0; left -= 1) {
    track(tending, startMember(tending, crew, plan));
  }
};

const startMember = async (tending: Tending, crew: Crew, plan: WorkerPlan): Promise<void> => {
  const incarnation = newIncarnation(plan.endpointId);
  const spec = specOf(tending, plan, incarnation);
  const member = memberOf(spec, 'starting', performance.now());
  crew.members.set(member.workerId, member);
  try {
    await admitWorker(tending, plan, incarnation, tending.halt.signal);
  } catch (error) {
    const { endpointId } = plan;
    tending.log.error({ err: error, endpointId }, 'a worker cannot be started');
    noteFailure(tending, crew, { plannedMs: member.plannedMs, ranMs: 0 }, String(error));
    member.state = 'ending';
  }
  if (member.state === 'starting' && !tending.halt.signal.aborted) {
    member.state = 'running';
    member.startedMs = performance.now();
    tending.host.start(spec);
    return;
  }
  crew.members.delete(member.workerId);
  await settleWorker(tending, member, 'switchyard_ended_it', tending.giveUp.signal);
};

/** Clears up after a process that is gone, and starts another when one is missing now. */
export const hearExit = (tending: Tending, exit: ProcessExit): void => {
  const { log, giveUp, crews } = tending;
  const { endpointId, workerId, code, signal, ranMs, lastLines } = exit;
  const member = findMember(tending, workerId);
  const asked = exit.asked || member?.state === 'ending';
  const reason = asked ? 'switchyard_ended_it' : 'worker_exited';
  track(tending, settleWorker(tending, exit, reason, giveUp.signal));
  const crew = crews.get(endpointId);
  if (member === undefined || crew === undefined) return;
  crew.members.delete(workerId);
  if (asked) {
    log.info({ endpointId, workerId, code, signal, ranMs }, 'a worker was ended');
    reconcileCrew(tending, crew);
    return;
  }
  const fields = { endpointId, workerId, code, signal, ranMs, lastLines };
  log.warn(fields, 'a worker ended by itself');
  noteFailure(tending, crew, { plannedMs: member.plannedMs, ranMs }, describeExit(exit));
};

const noteFailure = (tending: Tending, crew: Crew, life: Life, lastError: string): void => {
  const nowMs = performance.now();
  const wasLooping = isCrashLooping(crew.pace);
  crew.pace = paceAfterExit(crew.pace, life, nowMs);
  crew.lastError = lastError;
  const { failures, nextStartMs } = crew.pace;
  if (isCrashLooping(crew.pace) && !wasLooping) {
    const fields = { endpointId: crew.endpointId, failures, lastError };
    tending.log.error(fields, 'the workers of an endpoint fail again and again');
  }
  // Rounded up: a timer that fires too early would find that nothing may be started yet.
  const pauseMs = Math.max(0, Math.ceil(nextStartMs - nowMs) + 1);
  setTimeout(() => reconcileCrew(tending, crew), pauseMs).unref();
};

const describeExit = ({ code, signal, ranMs, lastLines }: ProcessExit): string => {
  const last = lastLines.at(-1) ?? '';
  if (code === null && signal === null) return last;
  const how = signal === null ? `with code ${code}` : `by ${signal}`;
  return `The worker ended ${how} after ${ranMs} ms${last === '' ? '.' : `: ${last}`}`;
};
