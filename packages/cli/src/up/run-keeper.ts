import path from 'node:path';
import { newInstanceId } from '@switchyard/contracts';
import { createLog, onStopSignals } from '@switchyard/runtime';
import { startKeeper } from '@switchyard/supervisor';
import { environment, type UpConfig } from './config.ts';
import { DRAIN_MS } from './start-services.ts';

/**
 * Runs the keeper of a supervisor: it holds the gateway's socket and owns the workers, while the
 * HTTP part is its child (keeper-child.ts).
 * @returns the exit code of a child that refused its configuration; else it does not return.
 * @throws ListenError when the port cannot be had.
 */
export const runKeeper = async ({ config }: Extract<UpConfig, { ok: true }>): Promise<number> => {
  const log = createLog({
    level: config.logLevel,
    ...(config.logPretty === undefined ? {} : { pretty: config.logPretty }),
    service: 'keeper',
    instance: newInstanceId(),
  });
  const keeper = await startKeeper({
    listen: { host: config.host, port: config.ports.worker },
    childModule: new URL('./keeper-child.ts', import.meta.url),
    childEnv: environment(),
    log,
    dataDir: path.resolve(config.dataDir),
  });
  onStopSignals({ log, drainMs: DRAIN_MS + 10_000, stop: keeper.stop });
  return keeper.refused;
};
