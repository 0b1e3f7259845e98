export {
  type Answer,
  type Broker,
  type BrokerLog,
  type BrokerStats,
  type ConsumeOptions,
  DEAD_HEADERS,
  type Handler,
  type Headers,
  type Hint,
  type Message,
  type Request,
  type Settlement,
  type StreamSpec,
} from './broker.ts';
export { BROKER_ERRORS, BrokerError, type BrokerErrorCode } from './broker-error.ts';
export { type OpenBrokerOptions, openBroker } from './open-broker.ts';
