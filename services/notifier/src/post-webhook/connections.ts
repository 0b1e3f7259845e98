import { type TargetGuard, TargetRefusedError } from '@switchyard/runtime';
import { buildConnector } from 'undici';
import { Connection } from './connection.ts';

/** How many are kept for later, over all targets. */
const KEPT_MAX = 256;
/** Of a URL without one. That of https is as open as that of http. */
const DEFAULT_PORT = 80;

export type ConnectionsOptions = {
  readonly guard: TargetGuard;
  /** Within which a connection must be made. */
  readonly connectMs: number;
};

/**
 * Connections to the targets of webhooks. Each leads to an address that the guard let pass when it
 * was made, and is kept for no other scheme, host and port. They know neither proxies nor a switch
 * that leaves certificates unchecked.
 */
export interface Connections {
  /** One that is kept for `origin`, the last used first, or a new one. */
  take(origin: string): Connection;
  /** A new one. */
  open(origin: string): Connection;
  /** Keeps one for a short while whose post has been answered to the end. */
  giveBack(connection: Connection): void;
  /** Closes those that are kept, and keeps none from now on. */
  close(): void;
}

/** Connections that the guard watches over. */
export const createConnections = (options: ConnectionsOptions): Connections => {
  const connect = connectorOf(options);
  const kept = new Map<string, Connection[]>();
  let count = 0;
  let isClosed = false;

  const drop = (connection: Connection): void => {
    const line = kept.get(connection.origin);
    const at = line?.indexOf(connection) ?? -1;
    if (line === undefined || at < 0) return;
    line.splice(at, 1);
    count -= 1;
    if (line.length === 0) kept.delete(connection.origin);
  };
  const open = (origin: string): Connection => new Connection(origin, connect, drop);

  return {
    open,
    take: (origin) => {
      const connection = kept.get(origin)?.at(-1);
      if (connection === undefined) return open(origin);
      drop(connection);
      return connection;
    },
    giveBack: (connection) => {
      if (isClosed || !connection.isYoung || count >= KEPT_MAX) return connection.destroy();
      const line = kept.get(connection.origin);
      if (line === undefined) kept.set(connection.origin, [connection]);
      else line.push(connection);
      count += 1;
    },
    close: () => {
      isClosed = true;
      for (const connection of [...kept.values()].flat()) connection.destroy();
    },
  };
};

/** Connects to where `guard` lets it: it resolves the name, and judges the socket besides. */
const connectorOf =
  ({ guard, connectMs }: ConnectionsOptions): buildConnector.connector =>
  (options, callback) => {
    const connect = buildConnector({
      lookup: guard.lookupFor(Number(options.port || DEFAULT_PORT)),
      rejectUnauthorized: true,
      maxCachedSessions: 0,
      allowH2: false,
      timeout: connectMs,
    });
    connect(options, (...[error, socket]) => {
      if (error !== null) return callback(error, null);
      const verdict = guard.checkSocket(socket);
      if (verdict.ok) return callback(null, socket);
      // Until here nothing was written, not even the head of the request.
      socket.destroy();
      callback(new TargetRefusedError(`The target ${verdict.reason}.`), null);
    });
  };
