import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { Person } from './people.ts';

export type Variables = Readonly<Record<string, string>>;

/** A shell of `person` in `folder`, which finds the npm of `npmFolder` and the machine's Node. */
export type Shell = {
  readonly person: Person;
  readonly folder: string;
  readonly env: Variables;
};

export type Ended = {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
};

export type Started = {
  readonly child: ChildProcess;
  /** What it has printed until now. */
  readonly printed: () => Ended;
  readonly ended: Promise<Ended>;
};

/** What a machine says of its way to the registry is no part of what is tried. */
const PASSED_ON = /^(?:(?:https?|no)_proxy|NODE_EXTRA_CA_CERTS|SSL_CERT_(?:FILE|DIR)|LANG)$/i;

/** Runs within npm put its own folders in front, which a person's shell has not. */
const machinePath = (): string =>
  (process.env.PATH ?? '')
    .split(':')
    .filter((folder) => !folder.includes('node_modules') && !folder.includes('node-gyp-bin'))
    .join(':');

export const openShell = (
  person: Person,
  npmFolder: string,
  folder: string,
  set: Variables,
): Shell => {
  const passed = Object.entries(process.env).flatMap(([name, value]) =>
    PASSED_ON.test(name) && value !== undefined ? [[name, value] as const] : [],
  );
  const env = {
    ...Object.fromEntries(passed),
    PATH: `${path.join(npmFolder, 'node_modules/.bin')}:${machinePath()}`,
    HOME: person.home,
    USER: person.name,
    ...set,
  };
  return { person, folder, env };
};

/** Starts a command in a process group of its own, as a shell does, with no terminal. */
export const startIn = (
  { person, folder, env }: Shell,
  [file, ...args]: readonly [string, ...string[]],
  set: Variables = {},
): Started => {
  const child = spawn(file, args, {
    cwd: folder,
    env: { ...env, ...set },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    ...person.ids,
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const printed = (): Ended => ({ exitCode: child.exitCode, stdout, stderr });
  const ended = once(child, 'close').then(printed);
  return { child, printed, ended };
};

/** Sends a signal to a command and all in its group, as Ctrl-C does; nothing when it has gone. */
export const signalGroup = ({ child }: Started, signal: NodeJS.Signals): void => {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, signal);
  } catch {
    // It has ended by itself.
  }
};

/** Runs a command to its end. What is not over after `waitMs` is killed: its exit code is null. */
export const runIn = async (
  shell: Shell,
  command: readonly [string, ...string[]],
  options: { readonly waitMs: number; readonly set?: Variables },
): Promise<Ended> => {
  const started = startIn(shell, command, options.set);
  const late = setTimeout(() => signalGroup(started, 'SIGKILL'), options.waitMs);
  const ended = await started.ended;
  clearTimeout(late);
  return ended;
};
