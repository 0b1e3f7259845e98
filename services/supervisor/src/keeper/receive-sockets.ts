import type { Server } from 'node:http';
import { Socket } from 'node:net';
import type { KeeperLine } from './keeper-line.ts';

/**
 * Serves the connections that the keeper accepts with `server`, which listens nowhere itself. It
 * must be ready to answer.
 * @returns what ends it: further connections wait in the keeper.
 */
export const receiveSockets = (line: KeeperLine, server: Server): (() => void) => {
  // Node watches over slow and idle connections of a server only from this event on.
  server.emit('listening');
  const stop = line.hear((tell, socket) => {
    if (tell.kind !== 'socket') return;
    // Before the first byte is read: an unread connection could still be another child's.
    line.ask({ kind: 'took', n: tell.n });
    if (!(socket instanceof Socket)) return;
    server.emit('connection', socket);
    socket.resume();
  });
  line.ask({ kind: 'ready' });
  return stop;
};
