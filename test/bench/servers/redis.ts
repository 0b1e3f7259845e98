import { mkdtemp } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { freePort } from '../../support/free-port.ts';
import { serverChild } from '../../support/server-child.ts';

/** How often its log is forced to disk: each second, or before each answer. */
export type RedisSync = 'everysec' | 'always';

/** A private redis-server in a temporary folder. */
export type BenchRedis = AsyncDisposable & { readonly url: string };

const answersPing = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = net.connect({ host: '127.0.0.1', port, timeout: 1_000 });
    const settle = (answer: boolean): void => {
      resolve(answer);
      socket.destroy();
    };
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (data) => settle(data.toString('latin1').startsWith('+PONG')));
    for (const failure of ['timeout', 'error', 'close']) socket.once(failure, () => settle(false));
  });

/** Starts one on a free port of 127.0.0.1 that keeps all in its append-only file. */
export const startRedis = async (sync: RedisSync): Promise<BenchRedis> => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard-redis-'));
  const port = await freePort();
  const child = serverChild(folder, path.join(folder, 'log'));
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder].concat(
    ['--appendonly', 'yes', '--appendfsync', sync, '--save', ''],
    ['--maxmemory-policy', 'noeviction'],
  );
  try {
    await child.start({ file: 'redis-server', args }, () => answersPing(port));
  } catch (error) {
    await child.remove();
    throw error;
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => child.remove(),
  };
};
