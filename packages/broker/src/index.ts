export type {
  Broker,
  Handler,
  Hint,
  LaneMessage,
  Message,
  Settlement,
  StreamSpec,
} from './broker.ts';
export { DEAD_HEADERS, REPLY_HEADERS } from './broker.ts';
export { BrokerError } from './broker-error.ts';
export { inspectBroker } from './inspect-broker.ts';
export { openBroker } from './open-broker.ts';
