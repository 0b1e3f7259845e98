import path from 'node:path';
import { listenOn, makeDoorUrl, type Service } from '@switchyard/runtime';
import {
  createLocalHost,
  createProcesses,
  createSupervisor,
  type KeeperLine,
  openRemoteHost,
  receiveSockets,
} from '@switchyard/supervisor';
import { armHost } from './failpoints/arm-host.ts';
import { armServer } from './failpoints/arm-server.ts';
import type { Parts } from './open-parts.ts';

/**
 * The supervisor. Behind a keeper it takes the keeper's connections and has it own the workers;
 * without one it listens itself, and the workers are its children.
 */
export const makeSupervisor = async (
  parts: Parts,
  keeper: KeeperLine | undefined,
  opened: (url: string) => void,
): Promise<Service> => {
  const { config, failpoints, file, log } = parts;
  const remote = keeper && { line: keeper, host: await openRemoteHost(keeper) };
  const owner = remote?.host ?? createLocalHost({ log, dataDir: path.resolve(config.dataDir) });
  const host = failpoints === undefined ? owner : armHost(owner, failpoints);
  let gatewayUrl = '';
  let endReceiving = (): void => undefined;
  const service = createSupervisor({
    ...parts,
    open: async (app) => {
      await app.ready();
      if (failpoints !== undefined) armServer('gateway', app.server, failpoints);
      if (remote !== undefined) endReceiving = receiveSockets(remote.line, app.server);
      const port =
        remote?.host.port ?? (await listenOn(app.server, config.host, config.ports.worker));
      gatewayUrl = makeDoorUrl(config.host, port);
      opened(gatewayUrl);
    },
    startProcesses: ({ workers, endpoints }) =>
      createProcesses({
        ...parts,
        host,
        templates: file.file.workerTemplates ?? {},
        configDir: file.path === undefined ? process.cwd() : path.dirname(file.path),
        gatewayUrl: () => gatewayUrl,
        workers,
        endpoints,
      }),
  });
  return {
    ...service,
    stop: async () => {
      await service.stop();
      endReceiving();
    },
  };
};
