import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, mkdirSync } from 'node:fs';
import path from 'node:path';

/** Whose shell the commands run in. `ids` are unset for whoever runs this program. */
export type Person = {
  readonly name: string;
  readonly home: string;
  readonly ids: { readonly uid: number; readonly gid: number } | undefined;
};

export type People = Disposable & { readonly root: Person; readonly user: Person };

const idOf = (flag: '-u' | '-g', name: string): number =>
  Number(execFileSync('id', [flag, name], { encoding: 'utf8' }));

/**
 * Root with a home of mode 0700, and an ordinary user that is made for this run and removed with
 * it; both homes stand below `top`. @throws Error unless root runs this program.
 */
export const openPeople = (top: string): People => {
  if (process.getuid?.() !== 0) throw new Error('start-anywhere makes a user: run it as root');
  const rootHome = path.join(top, 'root');
  mkdirSync(rootHome, { mode: 0o700 });
  const name = `switchyard-${randomBytes(4).toString('hex')}`;
  const home = path.join(top, 'user');
  execFileSync('useradd', ['--create-home', '--home-dir', home, '--shell', '/bin/sh', name]);
  return {
    root: { name: 'root', home: rootHome, ids: undefined },
    user: { name, home, ids: { uid: idOf('-u', name), gid: idOf('-g', name) } },
    [Symbol.dispose]: () => {
      execFileSync('userdel', [name]);
    },
  };
};

/** Makes a folder that is the person's own. */
export const makeFolder = ({ ids }: Person, folder: string): void => {
  mkdirSync(folder);
  if (ids !== undefined) chownSync(folder, ids.uid, ids.gid);
};
