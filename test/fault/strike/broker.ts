import { setTimeout as pause } from 'node:timers/promises';
import type { Ground } from '../ground.ts';

/** Kills the broker with -9; wiped, it comes back without anything that it had stored. */
export const strikeBroker = async (
  { broker }: Pick<Ground, 'broker'>,
  kind: 'broker-kill' | 'broker-wiped',
  holdMs: number,
): Promise<void> => {
  await (kind === 'broker-kill' ? broker.kill() : broker.wipe());
  await pause(holdMs);
  await broker.start();
};
