import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { openPackages } from '../support/debian-packages.ts';
import { judge } from './judge.ts';
import type { Patient } from './seed.ts';

/** A machine whose clock is five minutes off, either way, by Debian's libfaketime. */
export const seedClock = async ({ checks, examine }: Patient): Promise<void> => {
  const [unpacked] = await openPackages(['libfaketime']);
  const folder = unpacked?.folder ?? '';
  const files = await readdir(folder, { recursive: true });
  const library = files.find((file) => file.endsWith('/libfaketime.so.1'));
  if (library === undefined) throw new Error('the package libfaketime holds no libfaketime.so.1');
  for (const [offset, name] of [
    ['+5m', 'clock five minutes ahead'],
    ['-5m', 'clock five minutes behind'],
  ] as const) {
    const env = {
      LD_PRELOAD: path.join(folder, library),
      FAKETIME: offset,
      // Timers go on as they are: it is the time of day that is off.
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    };
    judge(checks, name, await examine(env), ['clock.database', 'clock.server']);
  }
};
