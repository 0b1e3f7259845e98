/** Files of Debian packages, taken out of the packages without installing them. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { REPOSITORY } from '../../support/start-switchyard.ts';

const run = promisify(execFile);

/** Kept from run to run, because the packages are some hundred megabytes. */
const CACHE = path.join(REPOSITORY, 'node_modules/.cache/switchyard-debian-packages');
const DOWNLOAD_WAIT_MS = 300_000;

/** A package of the archive that this machine's apt knows, as a folder. */
export type DebianPackage = { readonly name: string; readonly folder: string };

/**
 * Downloads and unpacks the packages that are not in the cache yet; nothing is installed.
 * @throws Error with apt's own words when a package cannot be had.
 */
export const openPackages = async (names: readonly string[]): Promise<DebianPackage[]> => {
  await mkdir(CACHE, { recursive: true });
  const cached = new Set(await readdir(CACHE));
  const missing = names.filter((name) => !cached.has(name));
  if (missing.length > 0) await unpackAll(missing);
  return names.map((name) => ({ name, folder: path.join(CACHE, name) }));
};

const unpackAll = async (names: readonly string[]): Promise<void> => {
  // Beside the cache's folders, so that a package is moved into place whole or not at all.
  const downloads = await mkdtemp(path.join(CACHE, '.download-'));
  try {
    await download(names, downloads);
    for (const file of await readdir(downloads)) {
      if (!file.endsWith('.deb')) continue;
      const name = file.slice(0, file.indexOf('_'));
      const unpacked = path.join(downloads, name);
      await run('dpkg-deb', ['--extract', path.join(downloads, file), unpacked]);
      await rename(unpacked, path.join(CACHE, name));
    }
  } finally {
    await rm(downloads, { recursive: true });
  }
};

const download = async (names: readonly string[], into: string): Promise<void> => {
  const options = { cwd: into, timeout: DOWNLOAD_WAIT_MS };
  const get = () => run('apt-get', ['download', ...names], options);
  // A fresh container has no lists of packages, or some that are out of date.
  await get().catch(async () => {
    await run('apt-get', ['update'], options);
    await get();
  });
};

/** The files of a package that have one of the endings, sorted, relative to its folder. */
export const listPictures = async ({ folder }: DebianPackage): Promise<string[]> => {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  return found
    .filter((entry) => entry.isFile() && /\.(?:jpe?g|png|webp|gif|svg)$/i.test(entry.name))
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .sort();
};
