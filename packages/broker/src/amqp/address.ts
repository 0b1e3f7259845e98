import { BrokerError } from '../broker-error.ts';

export type AmqpAddress = {
  /** Without credentials, so that it may stand in logs and errors. */
  readonly shown: string;
  readonly hosts: readonly AmqpHost[];
  readonly isTls: boolean;
  readonly user: string;
  readonly password: string;
  readonly vhost: string;
};

export type AmqpHost = { readonly hostname: string; readonly port: number };

const PARTS = /^(amqps?):\/\/([^/?#]+)(?:\/([^/?#]*))?$/i;
const DEFAULT_VHOST = '/';

/**
 * Reads `amqp://user:password@host:port,host:port/vhost`; `amqps://` demands TLS. Without a user
 * it is guest, whom a server takes from its own machine alone.
 * @throws BrokerError `broker.invalid`, which does not repeat the URL.
 */
export const parseAmqpAddress = (url: string): AmqpAddress => {
  // Servers after the first may have the protocol too.
  const plain = url.replaceAll(/,amqps?:\/\//gi, ',');
  const [, scheme = '', authority = '', path = ''] = PARTS.exec(plain) ?? [];
  const isTls = scheme.toLowerCase() === 'amqps';
  const parts = authority.split(',').map(parsePart);
  const hosts = parts.map(({ hostname, port }) => ({
    hostname: hostname.replaceAll(/^\[|\]$/g, ''),
    port: Number(port) || (isTls ? 5671 : 5672),
  }));
  const { username, password } = parts.find((part) => part.username !== '') ?? {
    username: 'guest',
    password: 'guest',
  };
  const vhost = path === '' ? DEFAULT_VHOST : decode(path);
  const shownHosts = hosts.map(({ hostname, port }) => `${hostname}:${port}`).join(', ');
  return {
    shown: vhost === DEFAULT_VHOST ? shownHosts : `${shownHosts} (${vhost})`,
    hosts,
    isTls,
    user: decode(username),
    password: decode(password),
    vhost,
  };
};

const unreadable = (): BrokerError =>
  new BrokerError(
    'broker.invalid',
    'The broker URL cannot be read as amqp://user:password@host:port/vhost.',
  );

const parsePart = (part: string): URL => {
  // The parser's own error carries what it was given, and with it the password.
  const parsed = URL.canParse(`amqp://${part}`) ? new URL(`amqp://${part}`) : undefined;
  if (parsed === undefined || parsed.hostname === '') throw unreadable();
  return parsed;
};

const isDecodable = (text: string): boolean => {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
};

const decode = (text: string): string => {
  if (!isDecodable(text)) throw unreadable();
  return decodeURIComponent(text);
};
