import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Tell } from './keeper-messages.ts';

/** While there is no child to take them, so many connections wait; each holds a descriptor. */
const WAITING_MAX = 4_096;

export type SocketPasser = {
  /** Takes a paused socket and passes it on as soon as there is a child for it. */
  accept(socket: Socket): void;
  /** From now on this child takes sockets, those first that wait. */
  passTo(child: ChildProcess): void;
  /** The child is gone: what it did not take waits for the next one. */
  wait(): void;
  /** The child has socket `n`. */
  took(n: number): void;
  waiting(): number;
  /** Closes what waits. */
  close(): void;
};

/**
 * Passes accepted connections to whichever child there is. The keeper never reads of them, and
 * holds its own copy open until the child says that it took it: a child that dies in between costs
 * no connection, since the next one gets the copy, whole.
 * @param refused is called for each connection that found no room to wait.
 */
export const createSocketPasser = (refused: () => void): SocketPasser => {
  const waiting = new Map<number, Socket>();
  let child: ChildProcess | undefined;
  let last = 0;

  const pass = (n: number, socket: Socket): void => {
    if (child?.connected !== true) return;
    const tell: Tell = { kind: 'socket', n };
    // What cannot be sent waits for the next child: the error says that this one is going.
    child.send(tell, socket, { keepOpen: true }, () => undefined);
  };

  return {
    accept: (socket) => {
      // A client that has hung up shows when the child reads.
      socket.on('error', () => undefined);
      if (waiting.size >= WAITING_MAX) {
        socket.destroy();
        refused();
        return;
      }
      last += 1;
      waiting.set(last, socket);
      pass(last, socket);
    },
    passTo: (next) => {
      child = next;
      for (const [n, socket] of waiting) pass(n, socket);
    },
    wait: () => {
      child = undefined;
    },
    took: (n) => {
      // This closes the copy only: the connection lives on in the child.
      waiting.get(n)?.destroy();
      waiting.delete(n);
    },
    waiting: () => waiting.size,
    close: () => {
      for (const socket of waiting.values()) socket.destroy();
      waiting.clear();
    },
  };
};
