import type { Server } from 'node:net';

/** The port of a server that listens on TCP. @throws TypeError when it does not. */
export const listeningPort = (server: Server): number => {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('no port');
  return address.port;
};
