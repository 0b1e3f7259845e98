import { setTimeout as pause } from 'node:timers/promises';
import type { Fault } from './draw-faults.ts';
import type { Ground } from './ground.ts';
import { strikeBroker } from './strike/broker.ts';
import { strikePostgres } from './strike/postgres.ts';
import { stopProcess, strikeProcess } from './strike/process.ts';
import type { Supervision } from './supervise.ts';

/** Breaks something, holds it broken as long as the fault says, and heals it. */
export const strike = async (
  ground: Ground,
  supervision: Supervision,
  fault: Fault,
): Promise<void> => {
  switch (fault.kind) {
    case 'kill':
      return strikeProcess(ground, supervision, fault.target, fault.holdMs);
    case 'stop':
      return stopProcess(ground, fault.target, fault.holdMs);
    case 'broker-kill':
    case 'broker-wiped':
      return strikeBroker(ground, fault.kind, fault.holdMs);
    case 'network-cut':
    case 'network-half-open':
    case 'network-reset':
    case 'network-delay':
    case 'network-drop':
      return strikeWay(ground, fault);
    case 'clock': {
      const clock = ground.clocks[fault.target];
      clock.set(fault.stepSeconds);
      await pause(fault.holdMs);
      return clock.set(0);
    }
    default:
      return strikePostgres(ground, fault.kind, fault.holdMs);
  }
};

const strikeWay = async (
  { proxies }: Ground,
  { target, mood, holdMs }: Extract<Fault, { readonly mood: unknown }>,
): Promise<void> => {
  const proxy = proxies[target];
  if (mood === undefined) return proxy.reset();
  proxy.set(mood);
  await pause(holdMs);
  proxy.set({ kind: 'open' });
};
