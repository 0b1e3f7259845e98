import { setTimeout as pause } from 'node:timers/promises';
import { SERVICES, type ServiceName, type Switchyard } from '../../support/start-switchyard.ts';

/** One service stopped by SIGTERM and started again. Moments are in ms since 1970. */
export type Restart = {
  readonly name: ServiceName;
  /** The exit code; a signal where one ended it. */
  readonly ended: string;
  readonly askedAtMs: number;
  readonly exitedAtMs: number;
  readonly readyAtMs: number;
};

const SETTLE_MS = 2_000;

/** Restarts each service in turn, as often as there are rounds. */
export const restartInTurn = async (switchyard: Switchyard, rounds: number): Promise<Restart[]> => {
  const restarts: Restart[] = [];
  for (const name of Array.from({ length: rounds }, () => SERVICES).flat()) {
    const service = switchyard.process(name);
    const askedAtMs = Date.now();
    await service.end('SIGTERM');
    const { code, signal } = await service.exited();
    const exitedAtMs = Date.now();
    await service.start();
    const readyAtMs = Date.now();
    restarts.push({ name, ended: String(signal ?? code), askedAtMs, exitedAtMs, readyAtMs });
    console.log(
      `     ${name}: ${signal ?? code} after ${((exitedAtMs - askedAtMs) / 1_000).toFixed(2)} s, ` +
        `ready ${((readyAtMs - exitedAtMs) / 1_000).toFixed(2)} s later`,
    );
    await pause(SETTLE_MS);
  }
  return restarts;
};
