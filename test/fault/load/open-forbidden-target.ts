import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import { openJournal, type Stray } from '../history.ts';

/** Where no webhook may go, though clients ask for it. */
export type ForbiddenTarget = AsyncDisposable & {
  /** Its addresses in several spellings, each without a slash at the end. */
  readonly urls: readonly string[];
  /** Keeps who connects in the history of `folder`; before it is called, nothing is kept. */
  readonly keepIn: (folder: string) => void;
};

/** On loopback, beside the one address that webhooks may go to. */
const FIRST = '127.0.0.2';
const SPELLINGS = [FIRST, '2130706434', '0x7f.2', '[::ffff:127.0.0.2]'] as const;
const SECOND = '::1';

/** Listens on addresses of this machine alone, and writes down who connects. */
export const openForbiddenTarget = async (): Promise<ForbiddenTarget> => {
  await using opened = new AsyncDisposableStack();
  let folder: string | undefined;
  const keep = (stray: Stray): void => {
    if (folder === undefined) return;
    using journal = openJournal<Stray>(path.join(folder, 'strays'));
    journal.write(stray);
  };
  const listen = async (address: string): Promise<number> => {
    const server = net.createServer((socket) => {
      keep({ atMs: Date.now(), address });
      socket.on('error', () => undefined);
      socket.destroy();
    });
    server.listen(0, address);
    await once(server, 'listening');
    opened.defer(async () => {
      server.close();
      await once(server, 'close');
    });
    const bound = server.address();
    if (bound === null || typeof bound === 'string') throw new TypeError('no port was given');
    return bound.port;
  };
  const [first, second] = [await listen(FIRST), await listen(SECOND)];
  const parts = opened.move();
  return {
    urls: [...SPELLINGS.map((host) => `http://${host}:${first}`), `http://[${SECOND}]:${second}`],
    keepIn: (to) => {
      folder = to;
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
};
