import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

export type ServerCommand = {
  /** A program that becomes `file`, with its arguments. */
  readonly prefix?: readonly string[];
  readonly file: string;
  readonly args: readonly string[];
  readonly uid?: number;
  readonly gid?: number;
  /** Added to its environment, which else tells only of the path, the language and the zone. */
  readonly env?: Readonly<Record<string, string>>;
};

/** A server program of a test, which may be started again and again in one folder. */
export type ServerChild = {
  pid(): number;
  /** Starts the program and waits until `isReady`. @throws Error with its log if it ends first. */
  start(command: ServerCommand, isReady: (pid: number) => Promise<boolean>): Promise<void>;
  /** Sends `signal` and waits for the end; SIGKILL after 20 s. Does nothing when it has ended. */
  end(signal: NodeJS.Signals): Promise<void>;
  /** Ends the program at once and removes `folder`. */
  remove(): Promise<void>;
};

const READY_MS = 120_000;
const END_MS = 20_000;
const EXIT_GRACE_MS = 200;
const LOOK_AGAIN_MS = 10;

/** The kernel ends the server when this process is killed, and its exit hook did not run. */
const GUARD = process.platform === 'linux' ? ['setpriv', '--pdeathsig', 'QUIT'] : [];

/** A server whose output goes to `logFile`. It ends with this process, however that ends. */
export const serverChild = (folder: string, logFile: string): ServerChild => {
  let child: ChildProcess | undefined;
  const isRunning = () => child !== undefined && child.exitCode === null && !child.signalCode;
  const removeFolder = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  const leaveNothing = () => {
    if (isRunning()) child?.kill('SIGQUIT');
    // An exit hook cannot wait in any other way for the server to let go of its files.
    const sleeper = new Int32Array(new SharedArrayBuffer(4));
    Atomics.wait(sleeper, 0, 0, EXIT_GRACE_MS);
    removeFolder();
  };
  process.once('exit', leaveNothing);

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child === undefined || !isRunning()) return;
    const exited = once(child, 'exit');
    child.ref();
    child.kill(signal);
    const impatience = setTimeout(() => child?.kill('SIGKILL'), END_MS);
    await exited;
    clearTimeout(impatience);
  };

  return {
    pid: () => child?.pid ?? 0,
    start: async ({ prefix = [], file, args, env: more = {}, ...who }, isReady) => {
      if (isRunning()) throw new Error(`${file} runs already`);
      const log = openSync(logFile, 'a', 0o600);
      const env = { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC', ...more };
      // Detached: a Ctrl-C in the terminal is for the tests, which then stop their servers.
      const stdio = ['ignore', log, log] as const;
      const options = { cwd: '/', env, detached: true, ...who, stdio: [...stdio] };
      const [program = file, ...all] = [...prefix, ...GUARD, file, ...args];
      child = spawn(program, all, options);
      closeSync(log);
      await once(child, 'spawn');
      // A test that forgot its server should end all the same; the exit hook takes the server.
      child.unref();
      const deadline = performance.now() + READY_MS;
      while (!(await isReady(child.pid ?? 0))) {
        if (isRunning() && performance.now() < deadline) await pause(LOOK_AGAIN_MS);
        else {
          await end('SIGKILL');
          throw new Error(`${file} did not start:\n${readFileSync(logFile, 'utf8').slice(-2_000)}`);
        }
      }
    },
    end,
    remove: async () => {
      await end('SIGQUIT');
      process.off('exit', leaveNothing);
      removeFolder();
    },
  };
};
