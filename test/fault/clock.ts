/** A clock that a test may step under a running process, by Debian's package faketime. */
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const LIBRARIES = '/usr/lib';

export type TestClock = {
  /** For the environment of the process that is to run by it. */
  readonly env: Readonly<Record<string, string>>;
  /** How far from the machine's clock it is, from at most a second later on. */
  readonly set: (seconds: number) => void;
};

/** @throws Error where the package faketime is not installed. */
export const makeClock = (folder: string, name: string): TestClock => {
  const file = path.join(folder, `${name}.clock`);
  const set = (seconds: number): void =>
    writeFileSync(file, `${seconds < 0 ? '' : '+'}${seconds}s\n`, { mode: 0o644 });
  set(0);
  const env = {
    LD_PRELOAD: findLibrary(),
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_CACHE_DURATION: '1',
    // Only the time of day steps, as it does when a machine's clock is set.
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    NO_FAKE_STAT: '1',
  };
  return { env, set };
};

const findLibrary = (): string => {
  const found = readdirSync(LIBRARIES)
    .map((name) => path.join(LIBRARIES, name, 'faketime', 'libfaketime.so.1'))
    .find((file) => isThere(file));
  if (found === undefined) throw new Error('install faketime: apt-get install faketime');
  return found;
};

const isThere = (file: string): boolean => {
  try {
    return readdirSync(path.dirname(file)).includes(path.basename(file));
  } catch {
    return false;
  }
};
