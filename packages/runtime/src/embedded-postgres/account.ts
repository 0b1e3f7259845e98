import { execFile } from 'node:child_process';
import { chown, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

export const run = promisify(execFile);

/** Who the server runs as. Postgres refuses root, even when nobody else is there. */
export type Account =
  | { readonly kind: 'self' }
  /** Root outside, an ordinary user within: it reads what root reads, below a 0700 home too. */
  | { readonly kind: 'namespace'; readonly uid: number; readonly gid: number }
  | { readonly kind: 'user'; readonly uid: number; readonly gid: number };

/** Where `unshare` is; the environment of this process is not passed on. */
const SYSTEM_PATH = '/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin';

export type Command = {
  readonly file: string;
  readonly args: readonly string[];
  /** For `spawn`: the user, a directory that every user may enter, a bare environment. */
  readonly options: {
    readonly uid?: number;
    readonly gid?: number;
    readonly cwd: string;
    readonly env: NodeJS.ProcessEnv;
  };
};

/**
 * How to run `program` as `account`. The process that is spawned becomes the program itself, so
 * its pid is the program's. The environment is bare: PG* variables of the person who starts
 * Switchyard must not steer the server, and secrets among them are none of its business.
 */
export const commandAs = (account: Account, program: string, args: readonly string[]): Command => {
  const env = { PATH: SYSTEM_PATH, LC_ALL: 'C', TZ: 'UTC' };
  const options = { cwd: '/', env };
  switch (account.kind) {
    case 'self':
      return { file: program, args, options };
    case 'namespace': {
      const map = [`--map-user=${account.uid}`, `--map-group=${account.gid}`];
      return { file: 'unshare', args: ['--user', ...map, program, ...args], options };
    }
    case 'user':
      return { file: program, args, options: { ...options, uid: account.uid, gid: account.gid } };
    default:
      return account satisfies never;
  }
};

/** Lets `account` own `file`, which this process has made. */
export const giveTo = async (account: Account, file: string): Promise<void> => {
  if (account.kind === 'user') await chown(file, account.uid, account.gid);
};

type Entry = { name: string; uid: number; gid: number };

const readPasswd = async (): Promise<Entry[]> =>
  (await readFile('/etc/passwd', 'utf8').catch(() => ''))
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name = '', , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }))
    .filter(({ name, uid, gid }) => name !== '' && uid >= 0 && gid >= 0);

/**
 * A user namespace in which `postgres` runs and may write `dataDir`; undefined where the system
 * refuses one, or where root itself reaches these paths only by its privilege.
 */
export const namespaceAccount = async (
  postgres: string,
  dataDir: string,
): Promise<Account | undefined> => {
  // Any user but root will do, if it has a name: initdb looks it up.
  const entry = (await readPasswd()).find(({ uid, gid }) => uid > 0 && gid > 0);
  if (entry === undefined) return undefined;
  const account = { kind: 'namespace', uid: entry.uid, gid: entry.gid } as const;
  const check = ['-c', 'test -w "$0" && exec "$1" --version', dataDir, postgres];
  const { file, args, options } = commandAs(account, '/bin/sh', check);
  return run(file, [...args], options).then(
    () => account,
    () => undefined,
  );
};

/** Whether `account` can run `postgres` where it lies. */
export const canRun = (account: Account, postgres: string): Promise<boolean> => {
  const { file, args, options } = commandAs(account, postgres, ['--version']);
  return run(file, [...args], options).then(
    () => true,
    () => false,
  );
};

const NAME = 'switchyard';

/** The system user of that name, made when it is missing; undefined where none can be made. */
export const systemUser = async (): Promise<Account | undefined> => {
  const find = async () => (await readPasswd()).find(({ name }) => name === NAME);
  if ((await find()) === undefined) {
    const debian = ['--system', '--user-group', '--no-create-home', '--shell', '/bin/false', NAME];
    await run('useradd', debian)
      .catch(() => run('adduser', ['-S', '-D', '-H', '-s', '/bin/false', NAME]))
      .catch(() => undefined);
  }
  const entry = await find();
  return entry && { kind: 'user', uid: entry.uid, gid: entry.gid };
};
