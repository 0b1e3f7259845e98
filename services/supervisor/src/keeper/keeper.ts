/**
 * The process that stays while the HTTP part of the supervisor crashes or is replaced: it holds the
 * gateway's listening socket and owns the worker processes. RunPod's worker throws away a result
 * whose connection is refused; so none is: connections wait here until there is a child to serve
 * them. What a child had begun to read when it died is lost with it, and only that.
 */
import type { ChildProcess } from 'node:child_process';
import net from 'node:net';
import { type Log, listenOn } from '@switchyard/runtime';
import { createLocalHost } from '../processes/local-host.ts';
import type {
  HostedProcess,
  ProcessExit,
  ProcessSpec,
  WorkerHost,
} from '../processes/worker-host.ts';
import { type Ask, readAsk, type Tell } from './keeper-messages.ts';
import { createSocketPasser, type SocketPasser } from './pass-sockets.ts';
import { type ChildOptions, tendChild } from './tend-child.ts';

/** Longer than the child's own drain, in ms. */
const DRAIN_MS = 35_000;
/** How long workers have to end that a child has not ended, in ms. */
const END_WORKERS_MS = 5_000;
/** Exits that no child has heard of yet; beyond it the scheduler's sweep finds the jobs. */
const EXITS_MAX = 10_000;

export type KeeperOptions = Pick<ChildOptions, 'log' | 'childModule' | 'childArgs' | 'childEnv'> & {
  readonly listen: { readonly host: string; readonly port: number };
  /** Absolute; records of the worker processes are kept in it. */
  readonly dataDir: string;
  /** How long the child may take to drain, in ms. */
  readonly drainMs?: number;
};

export type Keeper = {
  /** That the gateway listens on. */
  readonly port: number;
  readonly childPid: () => number | undefined;
  /** Resolves with the child's exit code when its very first start refused its configuration. */
  readonly refused: Promise<number>;
  /**
   * Has the child drain, with the door open for the results of its workers, then closes the door
   * and ends what is left of the workers. Idempotent.
   */
  stop(): Promise<void>;
};

/**
 * Opens the gateway's door and keeps a child behind it. Signals are the caller's: SIGTERM should
 * call `stop` and then exit 0.
 * @throws ListenError when the port cannot be had.
 */
export const startKeeper = async (options: KeeperOptions): Promise<Keeper> => {
  const { log, listen, dataDir, drainMs = DRAIN_MS } = options;
  const host = createLocalHost({ log, dataDir });
  const passer = createSocketPasser(() => log.error('a connection found no room to wait'));
  const door = net.createServer({ pauseOnConnect: true, noDelay: true }, passer.accept);
  const port = await listenOn(door, listen.host, listen.port);
  // A connection that is gone before it is accepted, or too many open files: the door stays.
  door.on('error', (error) => log.error({ err: error }, 'a connection cannot be accepted'));
  const line = openLine({ log, host, passer, port }, await host.endLeftovers());
  const child = tendChild({ ...options, began: line.began, gone: line.gone });
  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    await child.stop(drainMs);
    door.close();
    passer.close();
    await host.stop(END_WORKERS_MS);
  };
  return {
    port,
    childPid: child.pid,
    refused: child.refused,
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
};

type LineContext = {
  readonly log: Log;
  readonly host: WorkerHost;
  readonly passer: SocketPasser;
  readonly port: number;
};

/** What is said between the keeper and whichever child there is. */
const openLine = (context: LineContext, leftovers: readonly HostedProcess[]) => {
  const { log, host, passer } = context;
  let child: ChildProcess | undefined;
  let isGreeted = false;
  /** Exits that were not heard, or told to a child that died, by worker. */
  const unheard = new Map<string, ProcessExit>();

  const tell = (message: Tell): void => {
    // A child that is going hears nothing; its successor asks anew.
    if (child?.connected === true) child.send(message, () => undefined);
  };
  const greet = (): void => {
    tell({ kind: 'running', port: context.port, processes: host.list(), leftovers });
    isGreeted = true;
    for (const exit of unheard.values()) tell({ kind: 'exited', exit });
  };
  const start = (spec: ProcessSpec): void => {
    host.start(spec);
    const pid = host.list().find(({ workerId }) => workerId === spec.workerId)?.pid;
    if (pid !== undefined) tell({ kind: 'started', workerId: spec.workerId, pid });
  };
  const answer = (ask: Ask, speaker: ChildProcess): void => {
    switch (ask.kind) {
      case 'hello':
        greet();
        break;
      case 'ready':
        passer.passTo(speaker);
        break;
      case 'took':
        passer.took(ask.n);
        break;
      case 'start':
        start(ask.spec);
        break;
      case 'end':
        host.end(ask.workerId, { graceMs: ask.graceMs });
        break;
      case 'heard':
        unheard.delete(ask.workerId);
        break;
      default:
        throw new TypeError(`no such ask: ${ask satisfies never}`);
    }
  };

  host.onExit((exit) => {
    if (unheard.size < EXITS_MAX) unheard.set(exit.workerId, exit);
    if (isGreeted) tell({ kind: 'exited', exit });
  });
  return {
    began: (next: ChildProcess): void => {
      child = next;
      isGreeted = false;
      next.on('message', (message) => {
        const ask = readAsk(message);
        if (ask === undefined) log.error('the HTTP part said something that is not known');
        else answer(ask, next);
      });
    },
    gone: (): void => {
      child = undefined;
      isGreeted = false;
      passer.wait();
    },
  };
};
