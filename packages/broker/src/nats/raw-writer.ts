import type { NatsConnection } from 'nats';

/**
 * What puts whole commands of the NATS protocol on the connection, in one piece: the vendor's own
 * `publish` allocates four buffers for each message. Undefined where this version of the vendor's
 * client has no such way.
 */
export const rawWriterOf = (nats: NatsConnection): ((bytes: Uint8Array) => void) | undefined => {
  if (!('protocol' in nats)) return undefined;
  const { protocol } = nats;
  if (typeof protocol !== 'object' || protocol === null) return undefined;
  if (!('sendCommand' in protocol)) return undefined;
  const { sendCommand } = protocol;
  if (typeof sendCommand !== 'function') return undefined;
  return (bytes) => {
    Reflect.apply(sendCommand, protocol, [bytes]);
  };
};
