import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { cannotUse, systemCode } from './failure.ts';

/** Another Switchyard works in the directory. `url` is missing until that one has published it. */
export class DirectoryInUse extends Error {
  override readonly name = 'DirectoryInUse';
  readonly dataDir: string;
  readonly url: string | undefined;

  constructor(dataDir: string, url: string | undefined) {
    super(
      url === undefined
        ? `Switchyard is already running in ${dataDir}.`
        : `Switchyard is already running at ${url}.`,
    );
    this.dataDir = dataDir;
    this.url = url;
  }
}

/** The right to work in a data directory, held by this process alone until it lets go or dies. */
export type DirectoryHold = {
  readonly dataDir: string;
  /** Tells later starts on this directory where the running one listens. */
  publish(address: { url: string }): void;
  /** Idempotent. */
  release(): void;
};

/** Like a recursive mkdir, which in Node never ends where the system refuses it with ENOENT. */
const makeDirectory = async (directory: string): Promise<void> => {
  try {
    await mkdir(directory, { mode: 0o700 });
  } catch (error) {
    const parent = path.dirname(directory);
    if (systemCode(error) === 'EEXIST' && (await stat(directory)).isDirectory()) return;
    const parentMissing = await stat(parent).then(
      () => false,
      (reason) => systemCode(reason) === 'ENOENT',
    );
    if (systemCode(error) !== 'ENOENT' || !parentMissing) throw error;
    await makeDirectory(parent);
    await makeDirectory(directory);
  }
};

const SQLITE_BUSY = 5;

const isBusy = (error: unknown): boolean =>
  error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY;

const readAddress = (file: string): string | undefined => {
  try {
    const parsed: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof parsed !== 'object' || parsed === null || !('url' in parsed)) return undefined;
    return typeof parsed.url === 'string' ? parsed.url : undefined;
  } catch {
    return undefined;
  }
};

/**
 * Takes `lock` by the write lock of an empty SQLite file. Node offers no flock, and a lock file
 * that names a process must be taken over when that process is dead, which two starts can do at
 * once. This one is a lock of the kernel: it ends with the process, however that ends, so there is
 * nothing stale to judge. It also holds between containers that share the directory.
 *
 * Nothing else in this process may open and close `lock`: POSIX would drop the lock with it.
 * @returns undefined when another holds it.
 */
const takeLock = (lock: string): DatabaseSync | undefined => {
  const database = new DatabaseSync(lock, { timeout: 0 });
  try {
    // A journal on disk would be a trace of the last holder for the next one to clean up.
    database.exec('PRAGMA journal_mode = MEMORY');
    // Immediate takes the one lock of writers; exclusive could make two rivals refuse each other.
    database.exec('BEGIN IMMEDIATE');
    return database;
  } catch (error) {
    database.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
};

/**
 * Makes `dataDir` when it is missing (mode 0700) and holds it for this process. Of any number of
 * rivals exactly one gets it; it is free again the moment the holder ends, by kill -9 too.
 * @throws EmbeddedPostgresError when the directory cannot be written.
 */
export const holdDataDirectory = async (
  dataDir: string,
): Promise<DirectoryHold | DirectoryInUse> => {
  const absolute = path.resolve(dataDir);
  const addressFile = path.join(absolute, 'running.json');
  let lock: DatabaseSync | undefined;
  try {
    await makeDirectory(absolute);
    lock = takeLock(path.join(absolute, 'lock'));
    if (lock === undefined) return new DirectoryInUse(absolute, readAddress(addressFile));
    // Left by a holder that was killed: its address is no longer true.
    rmSync(addressFile, { force: true });
  } catch (error) {
    lock?.close();
    throw cannotUse(absolute, error);
  }

  const held = lock;
  return {
    dataDir: absolute,
    publish: ({ url }) => {
      const next = `${addressFile}.new`;
      writeFileSync(next, `${JSON.stringify({ pid: process.pid, url })}\n`, { mode: 0o600 });
      renameSync(next, addressFile);
    },
    release: () => {
      if (!held.isOpen) return;
      rmSync(addressFile, { force: true });
      held.close();
    },
  };
};
