import { type ChildProcess, fork } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Log } from '@switchyard/runtime';

const PAUSE_MIN_MS = 50;
const PAUSE_MAX_MS = 1_000;
/** A child that lived so long is started again at once, in ms. */
const SOUND_MS = 5_000;
/** What a process exits with that was told something impossible: trying again changes nothing. */
const USAGE = 2;

export type ChildOptions = {
  readonly log: Log;
  readonly childModule: URL | string;
  readonly childArgs?: readonly string[];
  /** The whole environment of the child. */
  readonly childEnv: Readonly<Record<string, string | undefined>>;
  /** A child was started; it says nothing before this returns. */
  readonly began: (child: ChildProcess) => void;
  /** It is gone, and everything that it said was heard. */
  readonly gone: () => void;
};

export type TendedChild = {
  readonly pid: () => number | undefined;
  /** The exit code of a first child that refused its configuration; else pending. */
  readonly refused: Promise<number>;
  /** Has the child drain by SIGTERM, kills it after `drainMs`, and starts no other. */
  stop(drainMs: number): Promise<void>;
};

/** Keeps one child running, started again within a second when it dies, however it does. */
export const tendChild = (options: ChildOptions): TendedChild => {
  const { log } = options;
  const stopping = new AbortController();
  const refused = Promise.withResolvers<number>();
  let child: ChildProcess | undefined;

  const live = async (): Promise<End> => {
    try {
      child = forkChild(options);
      options.began(child);
      return await endOf(child);
    } catch (error) {
      log.error({ err: error }, 'the HTTP part cannot be started');
      return [null, null];
    }
  };

  const run = async (): Promise<void> => {
    let pauseMs = 0;
    for (let isFirst = true; !stopping.signal.aborted; isFirst = false) {
      const startedMs = performance.now();
      const [code, signal] = await live();
      child = undefined;
      options.gone();
      if (stopping.signal.aborted) return;
      if (isFirst && code === USAGE) {
        refused.resolve(USAGE);
        return;
      }
      const ranMs = Math.round(performance.now() - startedMs);
      log.error({ code, signal, ranMs }, 'the HTTP part ended and is started again');
      pauseMs = ranMs >= SOUND_MS ? 0 : Math.min(Math.max(pauseMs * 2, PAUSE_MIN_MS), PAUSE_MAX_MS);
      await pause(pauseMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  };

  const ran = run();
  return {
    pid: () => child?.pid,
    refused: refused.promise,
    stop: async (drainMs) => {
      stopping.abort();
      child?.kill('SIGTERM');
      const timer = setTimeout(() => {
        log.warn({ drainMs }, 'the HTTP part does not drain and is killed');
        child?.kill('SIGKILL');
      }, drainMs);
      await ran;
      clearTimeout(timer);
    },
  };
};

type End = readonly [code: number | null, signal: NodeJS.Signals | null];

const forkChild = ({ childModule, childArgs = [], childEnv }: ChildOptions): ChildProcess => {
  const file = childModule instanceof URL ? fileURLToPath(childModule) : childModule;
  // A group of its own: a Ctrl-C is for the keeper, which then tells the child to drain, once.
  return fork(file, [...childArgs], { env: { ...childEnv }, execArgv: [], detached: true });
};

/** Resolves when it is gone. Not at its `exit`: what it said last is heard only by its `close`. */
const endOf = (child: ChildProcess): Promise<End> =>
  new Promise((resolve, reject) => {
    child.once('close', (code, signal) => resolve([code, signal]));
    child.on('error', (error) => {
      if (child.pid === undefined) reject(error);
    });
  });
