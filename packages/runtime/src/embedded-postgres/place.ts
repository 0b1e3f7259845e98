import { randomBytes } from 'node:crypto';
import { cp, mkdir, readlink, realpath, rename, stat, symlink } from 'node:fs/promises';
import path from 'node:path';
import { type Account, canRun, namespaceAccount, run, systemUser } from './account.ts';
import { type Binaries, copyBinaries, packagedBinaries } from './binaries.ts';
import { EmbeddedPostgresError } from './failure.ts';

/** Where a cluster lives and who runs it. `home` holds `data`, `password` and `startup.log`. */
export type Place = {
  readonly home: string;
  /** Set when the home is elsewhere: this path in the data directory leads to it. */
  readonly link?: string;
  readonly account: Account;
  readonly binaries: Binaries;
};

/** How the machine may be used; the defaults are meant for everyone but tests. */
export type Surroundings = {
  readonly stateDir: string;
  readonly userNamespaces: boolean;
};

export const SURROUNDINGS: Surroundings = { stateDir: '/var/lib/switchyard', userNamespaces: true };

/** Where the cluster of a data directory is looked for; may be a link to a system user's folder. */
export const homeOf = (dataDir: string): string => path.join(dataDir, 'postgres');

const ownerOf = (file: string): Promise<{ uid: number; gid: number } | undefined> =>
  stat(file).catch(() => undefined);

/** A link to a folder that is gone may be a disk that is not mounted: no new cluster hides that. */
const refuseDeadLink = async (link: string): Promise<void> => {
  const target = await readlink(link).catch(() => undefined);
  if (target === undefined || (await ownerOf(link)) !== undefined) return;
  throw new EmbeddedPostgresError(
    `The database was kept in ${target}, which is gone: bring it back, or remove ${link} to ` +
      'begin with an empty one.',
  );
};

/** Copies a cluster that root owns to where `account` can use it; the original stays aside. */
const moveHome = async (link: string, place: Place): Promise<void> => {
  if (place.account.kind !== 'user') return;
  const partial = `${place.home}.new`;
  await cp(link, partial, { recursive: true, preserveTimestamps: true });
  await run('chmod', ['-R', 'u=rwX,go=', partial]);
  await run('chown', ['-R', `${place.account.uid}:${place.account.gid}`, partial]);
  await run('sync', ['-f', partial]);
  await rename(partial, place.home);
  await rename(link, `${link}.moved-${path.basename(place.home)}`);
  await symlink(place.home, link);
};

const placeOfSystemUser = async (
  link: string,
  packaged: Binaries,
  { stateDir }: Surroundings,
): Promise<Place> => {
  const account = await systemUser();
  if (account === undefined) {
    throw new EmbeddedPostgresError(
      'Postgres will not run as root, and neither a user namespace nor a system user could be ' +
        'made: start Switchyard as an ordinary user, or set DATABASE_URL.',
    );
  }
  const binaries = await copyBinaries(packaged, stateDir);
  const clusters = path.join(stateDir, 'clusters');
  await mkdir(clusters, { recursive: true, mode: 0o755 });
  return {
    home: path.join(clusters, randomBytes(8).toString('hex')),
    link,
    account,
    binaries,
  };
};

const placeOfRoot = async (
  dataDir: string,
  packaged: Binaries,
  surroundings: Surroundings,
): Promise<Place> => {
  const home = homeOf(dataDir);
  await refuseDeadLink(home);
  const owner = await ownerOf(path.join(home, 'data'));

  // Made by another user, or moved to the system user before: it stays with its owner.
  if (owner !== undefined && owner.uid !== 0) {
    const account = { kind: 'user', uid: owner.uid, gid: owner.gid } as const;
    const inPlace = await canRun(account, packaged.postgres);
    const binaries = inPlace ? packaged : await copyBinaries(packaged, surroundings.stateDir);
    return { home: await realpath(home), account, binaries };
  }

  const namespace = surroundings.userNamespaces
    ? await namespaceAccount(packaged.postgres, dataDir)
    : undefined;
  if (namespace !== undefined) return { home, account: namespace, binaries: packaged };

  const place = await placeOfSystemUser(home, packaged, surroundings);
  if (owner !== undefined) await moveHome(home, place);
  return place;
};

/**
 * Decides who runs the cluster of `dataDir` and where: an ordinary user does so directly; root in
 * a user namespace; where that is refused, the system user `switchyard` does, below the state
 * directory, since that user could not read a clone in root's home. A cluster of root's is moved
 * there then, so nothing may run on it while this is called.
 */
export const choosePlace = async (dataDir: string, surroundings: Surroundings): Promise<Place> => {
  const packaged = await packagedBinaries();
  if (process.getuid?.() === 0) return placeOfRoot(dataDir, packaged, surroundings);
  return { home: homeOf(dataDir), account: { kind: 'self' }, binaries: packaged };
};
