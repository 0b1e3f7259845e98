import type { InstanceId } from '@switchyard/contracts';
import type { Config, ServiceName } from './config.ts';
import type { Health } from './health.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';

/** One of the four services, whether it has a process to itself or shares one. */
export interface Service {
  readonly name: ServiceName;
  /** Resolves once it serves. What it throws ends the process. */
  start(): Promise<void>;
  /**
   * Drains: takes no more work, waits for what is under way, gives the rest back. It may be called
   * at any time, also while `start` runs, and more than once.
   */
  stop(): Promise<void>;
}

/** What every service is given, beside the store and the broker. */
export type ServiceContext = {
  readonly config: Config;
  /** This start of the process. */
  readonly instance: InstanceId;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly health: Health;
};
