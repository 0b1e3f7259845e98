export type { Broker, Hint, Message } from './broker.ts';
export { BrokerError } from './broker-error.ts';
export { openBroker } from './open-broker.ts';
