import net from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** Connections to a port, made and closed again all the time. */
export type Probe = AsyncDisposable & {
  readonly tries: () => number;
  /** When a connection was refused, in ms since 1970, for each. */
  readonly refusals: () => readonly number[];
};

const EVERY_MS = 20;

/** Connects to `port` of loopback 50 times a second, until it is disposed. */
export const probeDoor = (port: number): Probe => {
  const refusals: number[] = [];
  let tries = 0;
  let isOver = false;
  const knock = (): void => {
    tries += 1;
    const socket = net.connect({ host: '127.0.0.1', port });
    socket.once('connect', () => socket.destroy());
    socket.once('error', () => {
      refusals.push(Date.now());
      socket.destroy();
    });
  };
  const knocking = (async () => {
    while (!isOver) {
      knock();
      await pause(EVERY_MS);
    }
  })();
  return {
    tries: () => tries,
    refusals: () => refusals,
    [Symbol.asyncDispose]: async () => {
      isOver = true;
      await knocking;
    },
  };
};
