import type { ServiceName } from './config.ts';

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
