import path from 'node:path';
import { listenOn, type Service } from '@switchyard/runtime';
import { createLocalHost, createProcesses, createSupervisor } from '@switchyard/supervisor';
import type { Parts } from './open-parts.ts';

/** The supervisor with its gateway listening in this process and the workers as its children. */
export const makeSupervisor = (parts: Parts, opened: (url: string) => void): Service => {
  const { config, file, log } = parts;
  let gatewayUrl = '';
  const host = createLocalHost({ log, dataDir: path.resolve(config.dataDir) });
  return createSupervisor({
    ...parts,
    open: async (app) => {
      await app.ready();
      const port = await listenOn(app.server, config.host, config.ports.worker);
      gatewayUrl = `http://${config.host}:${port}`;
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
};
