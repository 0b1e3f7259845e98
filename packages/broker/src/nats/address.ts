import type { ConnectionOptions } from 'nats';
import { BrokerError } from '../broker-error.ts';

type NatsAddress = {
  /** Without credentials, so that it may stand in logs and errors. */
  readonly shown: string;
  readonly options: Pick<ConnectionOptions, 'servers' | 'user' | 'pass' | 'token' | 'tls'>;
};

const DEFAULT_PORT = '4222';

/**
 * Reads `nats://user:password@host:port,host:port`; `tls://` and `nats+tls://` demand TLS, a user
 * alone is a token. @throws BrokerError `broker.invalid`, which does not repeat the URL.
 */
export const parseAddress = (url: string): NatsAddress => {
  const [scheme = ''] = url.split('://');
  const rest = url.slice(scheme.length + '://'.length);
  const parts = rest.split(',').map((part) => parsePart(part.replace(/^.*:\/\//, '')));
  const servers = parts.map((part) => `${part.hostname}:${part.port || DEFAULT_PORT}`);
  const { username = '', password = '' } = parts.find((part) => part.username !== '') ?? {};
  const [user, pass] = [decodeURIComponent(username), decodeURIComponent(password)];
  return {
    shown: servers.join(', '),
    options: {
      servers,
      ...(scheme.toLowerCase() === 'nats' ? {} : { tls: {} }),
      ...(user === '' ? {} : pass === '' ? { token: user } : { user, pass }),
    },
  };
};

const parsePart = (part: string): URL => {
  // The parser's own error carries what it was given, and with it the password.
  const parsed = URL.canParse(`nats://${part}`) ? new URL(`nats://${part}`) : undefined;
  if (parsed !== undefined && parsed.hostname !== '' && isDecodable(parsed)) return parsed;
  throw new BrokerError('broker.invalid', 'The broker URL cannot be read as nats://host:port.');
};

const isDecodable = (url: URL): boolean => {
  try {
    decodeURIComponent(url.username + url.password);
    return true;
  } catch {
    return false;
  }
};
