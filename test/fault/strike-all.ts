import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Fault } from './draw-faults.ts';
import type { Ground } from './ground.ts';
import { type FaultWindow, openJournal } from './history.ts';
import { strike } from './strike.ts';
import type { Supervision } from './supervise.ts';

/** Faults that may hold at once; of one target only one. */
const AT_ONCE_MAX = 3;
const LOOK_AGAIN_MS = 50;

export type Striking = {
  readonly ground: Ground;
  readonly supervision: Supervision;
  readonly faults: readonly Fault[];
  /** How many faults may have begun by now. */
  readonly allowed: () => number;
  readonly tell: (line: string) => void;
};

/** Strikes with each fault in turn, as the load goes on, and resolves when all are healed. */
export const strikeAll = async (striking: Striking): Promise<void> => {
  const { ground, supervision, faults, allowed, tell } = striking;
  using journal = openJournal<FaultWindow>(path.join(ground.folder, 'faults'));
  const holding = new Map<string, Promise<void>>();
  const failures: unknown[] = [];
  const strikeOne = async (fault: Fault, n: number): Promise<void> => {
    const { kind, target } = fault;
    const atMs = Date.now();
    await strike(ground, supervision, fault);
    journal.write({ kind, target, atMs, endedAtMs: Date.now() });
    tell(
      `${n + 1} ${kind} of ${target}: healed after ${((Date.now() - atMs) / 1_000).toFixed(1)} s`,
    );
  };
  const isFree = ({ target }: Fault): boolean =>
    holding.size < AT_ONCE_MAX && !holding.has(placeOf(target));
  for (const [n, fault] of faults.entries()) {
    while (failures.length === 0 && (allowed() <= n || !isFree(fault))) await pause(LOOK_AGAIN_MS);
    const place = placeOf(fault.target);
    const struck = strikeOne(fault, n)
      .catch((error: unknown) => failures.push(error))
      .finally(() => holding.delete(place));
    holding.set(
      place,
      struck.then(() => undefined),
    );
    if (failures.length > 0) break;
  }
  await Promise.all(holding.values());
  if (failures.length > 0) throw new AggregateError(failures, 'a fault could not be made');
};

/** The supervisor's child goes with it. */
const placeOf = (target: Fault['target']): string => (target === 'gateway' ? 'supervisor' : target);
