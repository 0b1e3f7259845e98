import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';

/** Below those of connections, one of which could take it between two starts of a server. */
const PORTS = { from: 10_000, to: 32_000 } as const;

const isFree = async (port: number): Promise<boolean> => {
  const server = net.createServer();
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
};

/** A port of the loopback interface that is free now; only binding it at once makes it yours. */
export const freePort = async (): Promise<number> => {
  for (;;) {
    const port = randomInt(PORTS.from, PORTS.to);
    if (await isFree(port)) return port;
  }
};
