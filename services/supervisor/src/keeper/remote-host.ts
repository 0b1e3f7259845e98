import type { HostedProcess, ProcessExit, WorkerHost } from '../processes/worker-host.ts';
import type { KeeperLine } from './keeper-line.ts';

export type RemoteHost = WorkerHost & {
  /** The port that the keeper listens on. */
  readonly port: number;
};

/**
 * The worker processes that the keeper owns. What was running before this process started is
 * listed from the beginning; exits that nobody heard of are told to the first listener.
 */
export const openRemoteHost = async (line: KeeperLine): Promise<RemoteHost> => {
  const hosted = new Map<string, HostedProcess>();
  const ears: ((exit: ProcessExit) => void)[] = [];
  const unheard: ProcessExit[] = [];
  const greeted = Promise.withResolvers<{ port: number; leftovers: readonly HostedProcess[] }>();

  const note = (exit: ProcessExit): void => {
    hosted.delete(exit.workerId);
    if (ears.length === 0) {
      unheard.push(exit);
      return;
    }
    for (const hear of ears) hear(exit);
    line.ask({ kind: 'heard', workerId: exit.workerId });
  };
  line.hear((tell) => {
    switch (tell.kind) {
      case 'running':
        for (const one of tell.processes) hosted.set(one.workerId, one);
        greeted.resolve(tell);
        return;
      case 'started': {
        const one = hosted.get(tell.workerId);
        if (one !== undefined) hosted.set(tell.workerId, { ...one, pid: tell.pid });
        return;
      }
      case 'exited':
        note(tell.exit);
        return;
      case 'socket':
        return;
      default:
        throw new TypeError(`no such message: ${tell satisfies never}`);
    }
  });
  line.ask({ kind: 'hello' });
  const { port, leftovers } = await greeted.promise;

  const host: RemoteHost = {
    port,
    // The keeper ended them when it started, and tells each child: the one before may have died.
    endLeftovers: async () => leftovers,
    start: (spec) => {
      const { workerId, endpointId, killAfterMs, keyId, shape } = spec;
      hosted.set(workerId, { workerId, endpointId, killAfterMs, keyId, shape, pid: undefined });
      line.ask({ kind: 'start', spec });
    },
    end: (workerId, { graceMs }) => line.ask({ kind: 'end', workerId, graceMs }),
    list: () => [...hosted.values()],
    onExit: (hear) => {
      ears.push(hear);
      for (const exit of unheard.splice(0)) note(exit);
    },
    stop: async (graceMs) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const look = (): void => {
        if (hosted.size === 0) resolve();
      };
      ears.push(look);
      for (const workerId of hosted.keys()) host.end(workerId, { graceMs });
      look();
      await promise;
    },
  };
  return host;
};
