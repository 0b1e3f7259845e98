/** The users of `infra/nats` and `infra/rabbitmq` that tests know. */
export const BROKER_USERS = [
  'operator',
  'intake',
  'scheduler',
  'supervisor',
  'notifier',
  'producer',
  'watcher',
] as const;
export type BrokerUser = (typeof BROKER_USERS)[number];

/** One server of a cluster, or one alone. */
export type BrokerNode = {
  readonly name: string;
  /** Where clients connect, on loopback. */
  readonly port: number;
  /** kill -9; resolves once it is gone. What it stored stays for `start`. */
  kill(): Promise<void>;
  /** Resolves when it takes connections. */
  start(): Promise<void>;
};

/** Servers that run the files of `infra/`, with passwords that were made for them. */
export type BrokerServers = AsyncDisposable & {
  readonly nodes: readonly BrokerNode[];
  /** All of them, for `user`, as BROKER_URL has it. */
  readonly url: (user: BrokerUser) => string;
  /** The node that leads the stored submissions. */
  readonly leader: () => Promise<BrokerNode | undefined>;
  /** How many nodes hold all of the stored submissions. */
  readonly members: () => Promise<number>;
  /** How many clients each node has. */
  readonly connections: () => Promise<ReadonlyMap<BrokerNode, number>>;
};
