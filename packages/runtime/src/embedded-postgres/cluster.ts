import { randomBytes } from 'node:crypto';
import {
  appendFile,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import { commandAs, giveTo, run } from './account.ts';
import type { Binaries } from './binaries.ts';
import { EmbeddedPostgresError, lastComplaint, reasonOf } from './failure.ts';
import type { Place } from './place.ts';

const USER = 'switchyard';
const INITDB_MS = 120_000;

const initdbArgs = (data: string, password: string): string[] => [
  `--pgdata=${data}`,
  `--username=${USER}`,
  `--pwfile=${password}`,
  '--auth=scram-sha-256',
  '--locale=C',
  '--encoding=UTF8',
  '--data-checksums',
  '--no-instructions',
];

const syncDirectory = async (directory: string): Promise<void> => {
  const handle = await open(directory, 'r');
  await handle.sync().finally(() => handle.close());
};

/** Removes what starts that were killed in the middle of `initdb` left behind. */
const removeUnfinished = async (home: string): Promise<void> => {
  const parent = path.dirname(home);
  const unfinished = (await readdir(parent)).filter((name) =>
    name.startsWith(`${path.basename(home)}.new-`),
  );
  for (const name of unfinished) {
    // A killed start's initdb may be writing there still; the next start finds it ended.
    await rm(path.join(parent, name), { recursive: true, force: true }).catch(() => undefined);
  }
};

const runInitdb = async ({ account, binaries }: Place, staging: string): Promise<void> => {
  const data = path.join(staging, 'data');
  const args = initdbArgs(data, path.join(staging, 'password'));
  const command = commandAs(account, binaries.initdb, args);
  try {
    await run(command.file, [...command.args], { ...command.options, timeout: INITDB_MS });
  } catch (error) {
    const output = error instanceof Error && 'stderr' in error ? String(error.stderr) : '';
    throw new EmbeddedPostgresError(
      `The database could not be made: ${lastComplaint(output) ?? reasonOf(error)}.`,
      { cause: error },
    );
  }
};

/**
 * Makes the cluster with its password beside it, and moves it to its place only when it is whole
 * and on the disk: a start that is killed meanwhile leaves no half a cluster to be taken for one.
 */
export const createCluster = async (place: Place): Promise<void> => {
  const { account, home, link } = place;
  await removeUnfinished(home);
  const staging = `${home}.new-${randomBytes(6).toString('hex')}`;
  const password = path.join(staging, 'password');
  await mkdir(staging, { mode: 0o700 });
  await giveTo(account, staging);
  await writeFile(password, `${randomBytes(24).toString('base64url')}\n`, {
    mode: 0o600,
    flush: true,
  });
  await giveTo(account, password);
  try {
    await runInitdb(place, staging);
    const include = "\ninclude_if_exists = 'switchyard.conf'\n";
    await appendFile(path.join(staging, 'data', 'postgresql.conf'), include, { flush: true });
    await syncDirectory(staging);
    await rename(staging, home);
    await syncDirectory(path.dirname(home));
    if (link !== undefined) await symlink(home, link);
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    throw error;
  }
};

/** The major version that made the cluster in `home`; undefined when there is no cluster. */
const majorOf = (home: string): Promise<string | undefined> =>
  readFile(path.join(home, 'data', 'PG_VERSION'), 'utf8').then(
    (text) => text.trim(),
    () => undefined,
  );

/** Whether `home` holds a cluster. @throws EmbeddedPostgresError for one of another version. */
export const hasCluster = async (home: string, binaries: Binaries): Promise<boolean> => {
  const major = await majorOf(home);
  if (major === undefined) return false;
  if (binaries.version.split('.')[0] === major) return true;
  throw new EmbeddedPostgresError(
    `The database in ${home} was made by PostgreSQL ${major} and this Switchyard brings ` +
      `${binaries.version}: move it with pg_dump, or set DATABASE_URL to a server that reads it.`,
  );
};

/** Where clients of the cluster in `home` connect when it listens on `port`. */
export const urlOf = async (home: string, port: number): Promise<string> => {
  const password = (await readFile(path.join(home, 'password'), 'utf8')).trim();
  return `postgresql://${USER}:${password}@127.0.0.1:${port}/postgres`;
};
