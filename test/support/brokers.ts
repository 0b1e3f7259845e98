import { startNats } from './nats.ts';
import { startRabbit } from './rabbitmq.ts';

export const BROKERS = ['nats', 'rabbitmq'] as const;
export type BrokerName = (typeof BROKERS)[number];

/** A private server, which may be killed and started again. */
export type TestBroker = AsyncDisposable & {
  readonly url: string;
  readonly pid: number;
  kill(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
};

/** Parts of one RabbitMQ that `npm test` starts; each is taken by one test or file of tests. */
export const RABBIT_VHOSTS = [
  ...(['runpod-sdk', 'worker-protocol', 'journey'] as const),
  ...(['submissions', 'submissions-outage', 'parity', 'backlog'] as const),
] as const;

/**
 * The brokers that suites run on: those that TEST_BROKERS names with commas between them, all by
 * default. @throws TypeError where it names another.
 */
export const chosenBrokers = (): readonly BrokerName[] => {
  const named = process.env.TEST_BROKERS?.split(',') ?? BROKERS;
  return named.map((name) => {
    const found = BROKERS.find((broker) => broker === name.trim());
    if (found === undefined) throw new TypeError(`TEST_BROKERS names ${name}, not ${BROKERS}`);
    return found;
  });
};

/** Starts a server of the test's own. */
export const startBroker = (name: BrokerName): Promise<TestBroker> =>
  name === 'nats' ? startNats() : startRabbit();

/**
 * A broker that has nobody else on it: a server of its own, or, since a RabbitMQ takes long to
 * start, a virtual host of the one that `npm test` has started.
 */
export const takeBroker = async (
  name: BrokerName,
  vhost: (typeof RABBIT_VHOSTS)[number],
): Promise<AsyncDisposable & { readonly url: string; close(): Promise<void> }> => {
  const shared = process.env.TEST_AMQP_URL;
  if (name === 'nats' || shared === undefined) return await startBroker(name);
  const close = async (): Promise<void> => undefined;
  return { url: `${shared}/${vhost}`, close, [Symbol.asyncDispose]: close };
};
