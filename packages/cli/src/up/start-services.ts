import { createIntake } from '@switchyard/intake';
import { createNotifier } from '@switchyard/notifier';
import {
  makeDoorUrl,
  type OpsServer,
  type Service,
  type ServiceName,
  startOpsServer,
} from '@switchyard/runtime';
import { createScheduler } from '@switchyard/scheduler';
import type { KeeperLine } from '@switchyard/supervisor';
import { armPoster } from './failpoints/arm-poster.ts';
import { armServer } from './failpoints/arm-server.ts';
import { makeMissingEndpoints } from './make-endpoints.ts';
import { makeSupervisor } from './make-supervisor.ts';
import type { Parts } from './open-parts.ts';
import { whileAway } from './while-away.ts';

/** How long a service may take to finish what it has begun, in ms. */
export const DRAIN_MS = 30_000;

/** Where the doors of this process are; filled in as they open. */
export type Addresses = { api?: string; worker?: string; scheduler?: string; notifier?: string };

export type Running = { readonly addresses: Addresses; stop(): Promise<void> };

/** Starts the services of this process. What was started is stopped again when one fails. */
export const startServices = async (parts: Parts, keeper?: KeeperLine): Promise<Running> => {
  const making = await makeMissingEndpoints(parts);
  const addresses: Addresses = {};
  const started: Service[] = [];
  const doors: OpsServer[] = [];
  const stop = async (): Promise<void> => {
    // Intake first, so that nothing new comes in while the others drain.
    for (const service of started) await service.stop();
    await Promise.all([making?.stop(), ...doors.map((door) => door.close())]);
  };
  try {
    for (const name of parts.config.services) {
      const service = await make(name, parts, addresses, keeper);
      started.push(service);
      // What a service reads when it starts it reads first, so that it may begin anew.
      await whileAway(parts.log, () => service.start());
      const door = await openOpsDoor(name, parts, addresses);
      if (door !== undefined) doors.push(door);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { addresses, stop };
};

const make = (
  name: ServiceName,
  parts: Parts,
  addresses: Addresses,
  keeper: KeeperLine | undefined,
): Service | Promise<Service> => {
  const { config, failpoints } = parts;
  switch (name) {
    case 'intake':
      return createIntake({
        ...parts,
        drainMs: DRAIN_MS,
        listen: { host: config.host, port: config.ports.api },
        serving: (server) => {
          if (failpoints !== undefined) armServer('intake', server, failpoints);
        },
        opened: (url: string) => {
          addresses.api = url;
        },
      });
    case 'scheduler':
      return createScheduler(parts);
    case 'supervisor':
      return makeSupervisor(parts, keeper, (url) => {
        addresses.worker = url;
      });
    case 'notifier':
      return createNotifier({
        ...parts,
        drainMs: DRAIN_MS,
        ...(failpoints === undefined ? {} : { wrapPoster: armPoster(failpoints) }),
      });
    default:
      throw new TypeError(`no such service: ${name satisfies never}`);
  }
};

/** Services without an HTTP door get one for health and metrics, unless all are one process. */
const openOpsDoor = async (
  name: ServiceName,
  { config, health, metrics }: Parts,
  addresses: Addresses,
): Promise<OpsServer | undefined> => {
  if (config.allInOne || (name !== 'scheduler' && name !== 'notifier')) return undefined;
  const port = config.ports[name];
  const door = await startOpsServer({ host: config.host, port, health, metrics });
  addresses[name] = makeDoorUrl(config.host, door.port);
  return door;
};
