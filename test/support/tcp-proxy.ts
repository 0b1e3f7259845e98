import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** What the way between two programs does to what is sent on it, until it is told otherwise. */
export type ProxyMood =
  | { readonly kind: 'open' }
  /** Nobody is there: each connection is closed as soon as it was made. */
  | { readonly kind: 'cut' }
  /** Connections stand, and nothing that is sent arrives: a peer that went without a word. */
  | { readonly kind: 'half-open' }
  /** Each piece arrives, in order, after `delayMs`. */
  | { readonly kind: 'delay'; readonly delayMs: number }
  /** Each connection is reset when `bytes` went through it in one direction. */
  | { readonly kind: 'drop'; readonly after: 'sent' | 'answered'; readonly bytes: number };

export type TcpProxy = AsyncDisposable & {
  readonly port: number;
  /** Connections that stand now. */
  readonly connections: () => number;
  /**
   * Changes the mood. Connections that stood before obey it as well: a cut closes them, and a
   * drop counts from now on. Leaving `half-open` resets those that lost bytes, since what comes
   * later would make no sense to the other side.
   */
  set(mood: ProxyMood): void;
  /** Resets every connection that stands; the next ones are served as the mood says. */
  reset(): void;
  close(): Promise<void>;
};

type Direction = 'sent' | 'answered';

type Pair = {
  readonly client: net.Socket;
  readonly server: net.Socket;
  readonly counted: Record<Direction, number>;
  lostBytes: boolean;
};

/** Listens on a free port of loopback, or on `from`, and passes all on to `to` of loopback. */
export const startTcpProxy = async (to: number, from = 0): Promise<TcpProxy> => {
  const pairs = new Set<Pair>();
  let mood: ProxyMood = { kind: 'open' };
  const join = (client: net.Socket): void => {
    if (mood.kind === 'cut') return void client.destroy();
    const pair = openPair(client, to, mood.kind === 'half-open');
    pairs.add(pair);
    for (const socket of [client, pair.server]) {
      // The other side learns that it broke, and the sockets tell it by closing.
      socket.on('error', () => resetPair(pair));
      socket.on('close', () => {
        if (client.closed && pair.server.closed) pairs.delete(pair);
      });
    }
    for (const direction of ['sent', 'answered'] as const) {
      pass(pair, direction, () => mood).catch(() => resetPair(pair));
    }
  };
  const door = net.createServer({ noDelay: true, allowHalfOpen: true }, join);
  await once(door.listen(from, '127.0.0.1'), 'listening');
  const address = door.address();
  if (address === null || typeof address === 'string') throw new TypeError('it has no port');
  const close = async (): Promise<void> => {
    door.close();
    for (const pair of pairs) resetPair(pair);
    await once(door, 'close');
  };
  return {
    port: address.port,
    connections: () => pairs.size,
    set: (next) => {
      mood = next;
      for (const pair of pairs) obey(pair, next);
    },
    reset: () => {
      for (const pair of pairs) resetPair(pair);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
};

const openPair = (client: net.Socket, to: number, lostBytes: boolean): Pair => {
  const server = net.connect({ host: '127.0.0.1', port: to, noDelay: true, allowHalfOpen: true });
  return { client, server, counted: { sent: 0, answered: 0 }, lostBytes };
};

const resetPair = ({ client, server }: Pair): void => {
  client.resetAndDestroy();
  server.resetAndDestroy();
};

/** What becomes of a connection that stands when the mood changes. */
const obey = (pair: Pair, next: ProxyMood): void => {
  if (next.kind === 'drop') Object.assign(pair.counted, { sent: 0, answered: 0 });
  if (next.kind === 'cut') {
    pair.client.destroy();
    pair.server.destroy();
  } else if (next.kind !== 'half-open' && pair.lostBytes) {
    resetPair(pair);
  }
};

const pass = async (pair: Pair, direction: Direction, moodNow: () => ProxyMood): Promise<void> => {
  const { client, server } = pair;
  const [source, sink] = direction === 'sent' ? [client, server] : [server, client];
  for await (const piece of source) {
    const bytes: Buffer = piece;
    const mood = moodNow();
    if (mood.kind === 'delay') await pause(mood.delayMs, undefined, { ref: false });
    if (mood.kind === 'half-open') pair.lostBytes = true;
    if (pair.lostBytes) continue;
    pair.counted[direction] += bytes.length;
    const over = bytesOver(pair, direction, mood);
    if (over >= 0) return await dropAt(pair, sink, bytes.subarray(0, bytes.length - over));
    if (!sink.write(bytes)) await once(sink, 'drain');
  }
  sink.end();
};

/** How many bytes went beyond what a dropping proxy lets through; negative while there is room. */
const bytesOver = ({ counted }: Pair, direction: Direction, mood: ProxyMood): number =>
  mood.kind === 'drop' && mood.after === direction ? counted[direction] - mood.bytes : -1;

const dropAt = async (pair: Pair, sink: net.Socket, rest: Buffer): Promise<void> => {
  if (rest.length > 0) await new Promise((done) => sink.write(rest, done));
  resetPair(pair);
};
