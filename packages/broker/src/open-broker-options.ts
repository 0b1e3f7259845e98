import type { BrokerLog, StreamSpec } from './broker.ts';

/** What every adapter is opened with. */
export type OpenBrokerOptions = {
  /** Who this is, for the broker's own lists of connections. */
  readonly name: string;
  readonly log: BrokerLog;
  /** Made where they are missing; they hold every topic that is appended to or consumed. */
  readonly streams?: readonly StreamSpec[];
  /** How long the broker may be away at the start. Default 10,000. Later it is awaited for ever. */
  readonly connectTimeoutMs?: number;
};

/** What an adapter needs to look: no stream, since it makes none. */
export type InspectOptions = Required<Pick<OpenBrokerOptions, 'name' | 'log' | 'connectTimeoutMs'>>;
