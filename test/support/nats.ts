import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { freePort } from './free-port.ts';
import { serverChild } from './server-child.ts';

export type NatsOptions = {
  /** Default: a free one. */
  readonly port?: number;
  /** Where JetStream stores; default a temporary folder, removed at the end. */
  readonly storeDir?: string;
  /** Where it tells of itself over HTTP; default nowhere. */
  readonly monitorPort?: number;
};

/** A private nats-server with JetStream. */
export type TestNats = AsyncDisposable & {
  /** The same after every start. */
  readonly url: string;
  readonly pid: number;
  /** Ends it in its own way; what it stored stays for `start`. */
  stop(): Promise<void>;
  /** kill -9; resolves once it is gone. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Kills it and removes all that it stored: the total loss of a broker. `start` follows. */
  wipe(): Promise<void>;
  /** Stops it and removes its temporary folder. */
  close(): Promise<void>;
};

const PORTS_MAX = 5;

/** Whether a nats-server greets on `port`. */
const greets = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = net.connect({ host: '127.0.0.1', port, timeout: 1_000 });
    const settle = (answer: boolean) => {
      resolve(answer);
      socket.destroy();
    };
    socket.once('data', (data) => settle(data.toString('latin1', 0, 5) === 'INFO '));
    for (const failure of ['timeout', 'error', 'close']) socket.once(failure, () => settle(false));
  });

/** Starts a private nats-server on 127.0.0.1. */
export const startNats = async (options: NatsOptions = {}): Promise<TestNats> => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard-nats-'));
  const storeDir = options.storeDir ?? path.join(folder, 'store');
  const child = serverChild(folder, path.join(folder, 'log'));

  const launch = async (port: number): Promise<void> => {
    await mkdir(storeDir, { recursive: true });
    const args = ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', storeDir];
    if (options.monitorPort !== undefined) args.push('-m', String(options.monitorPort));
    await child.start({ file: 'nats-server', args }, () => greets(port));
  };
  const launchFirst = async (tries = 1): Promise<number> => {
    const port = options.port ?? (await freePort());
    try {
      await launch(port);
      return port;
    } catch (error) {
      const taken = String(error).includes('address already in use');
      if (options.port !== undefined || tries >= PORTS_MAX || !taken) throw error;
      return launchFirst(tries + 1);
    }
  };

  const port = await launchFirst().catch(async (error: unknown) => {
    await child.remove();
    throw error;
  });
  return {
    url: `nats://127.0.0.1:${port}`,
    get pid() {
      return child.pid();
    },
    stop: () => child.end('SIGINT'),
    kill: () => child.end('SIGKILL'),
    start: () => launch(port),
    wipe: async () => {
      await child.end('SIGKILL');
      await rm(storeDir, { recursive: true, force: true });
    },
    close: () => child.remove(),
    [Symbol.asyncDispose]: () => child.remove(),
  };
};
