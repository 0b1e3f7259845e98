import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freezeProcess } from '../contract/freeze-process.ts';

/** A real nats-server of a test's own, which may be ended and started again on its port. */
export type NatsServer = {
  readonly url: string;
  readonly port: number;
  start(): Promise<void>;
  /** Resolves when the process has ended. */
  stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Plays a server that hangs; resolves when it does. */
  freeze(): Promise<void>;
  /** Lets it go on. */
  thaw(): void;
  /** Deletes all that it has stored; it must be stopped. */
  wipe(): Promise<void>;
  /** Ends the process and removes its directory. */
  end(): Promise<void>;
};

const locate = (): string => {
  // biome-ignore lint/style/noProcessEnv: a fixture of tests, which reads no configuration.
  const places = [...(process.env.PATH ?? '').split(path.delimiter), '/usr/sbin'];
  const found = places.map((place) => path.join(place, 'nats-server')).find(existsSync);
  if (found === undefined) throw new Error('nats-server is neither in PATH nor in /usr/sbin.');
  return found;
};

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('There is no port.');
  return address.port;
};

/** Reads on for ever: the server would die of a log that nobody reads. */
const ready = async (child: ChildProcess): Promise<void> => {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let printed = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    if (printed.includes('Server is ready')) return;
    printed += chunk.toString();
    if (printed.includes('Server is ready')) resolve();
  });
  child.once('error', reject);
  child.once('exit', () => reject(new Error(`nats-server ended: ${printed}`)));
  await promise;
};

/** Starts one on a free port of loopback; `config` is added to its configuration file. */
export const startNatsServer = async (config = ''): Promise<NatsServer> => {
  const directory = await mkdtemp(path.join(tmpdir(), 'switchyard-nats-'));
  const store = path.join(directory, 'store');
  const file = path.join(directory, 'nats.conf');
  const port = await freePort();
  const jetstream = `jetstream { store_dir: ${JSON.stringify(store)} }`;
  await writeFile(file, `listen: "127.0.0.1:${port}"\n${jetstream}\n${config}\n`);
  let child: ChildProcess | undefined;

  const stop = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    if (child === undefined) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
    child = undefined;
  };
  const start = async (): Promise<void> => {
    child = spawn(locate(), ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
    await ready(child);
  };
  await start();
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    start,
    stop,
    freeze: async () => {
      if (child?.pid !== undefined) await freezeProcess(child.pid);
    },
    thaw: () => child?.kill('SIGCONT'),
    wipe: () => rm(store, { recursive: true, force: true }),
    end: async () => {
      await stop('SIGKILL');
      await rm(directory, { recursive: true, force: true });
    },
  };
};
