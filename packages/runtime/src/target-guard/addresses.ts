import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** A block of addresses: its first address and how many leading bits count. */
export type Range = readonly [Address, number];

/**
 * Addresses that no webhook may reach, after the IANA special-purpose registries. Blocks that carry
 * an IPv4 address inside an IPv6 one are refused whole: a translator behind us would unwrap it.
 */
const FORBIDDEN = (
  [
    ['0.0.0.0/8', 'an address of this host'],
    ['10.0.0.0/8', 'a private address'],
    ['100.64.0.0/10', 'a shared address (carrier-grade NAT)'],
    ['127.0.0.0/8', 'a loopback address'],
    ['168.63.129.16/32', 'a cloud metadata address'],
    ['169.254.0.0/16', 'a link-local or cloud metadata address'],
    ['172.16.0.0/12', 'a private address'],
    ['192.0.0.0/24', 'a reserved address'],
    ['192.0.2.0/24', 'a documentation address'],
    ['192.31.196.0/24', 'a reserved address'],
    ['192.52.193.0/24', 'a reserved address'],
    ['192.88.99.0/24', 'a 6to4 relay address'],
    ['192.168.0.0/16', 'a private address'],
    ['192.175.48.0/24', 'a reserved address'],
    ['198.18.0.0/15', 'a benchmark address'],
    ['198.51.100.0/24', 'a documentation address'],
    ['203.0.113.0/24', 'a documentation address'],
    ['224.0.0.0/4', 'a multicast address'],
    ['240.0.0.0/4', 'a reserved or broadcast address'],
    ['::/128', 'an address of this host'],
    ['::1/128', 'a loopback address'],
    ['64:ff9b::/96', 'an address that NAT64 translates'],
    ['64:ff9b:1::/48', 'an address that NAT64 translates'],
    ['fc00::/7', 'a private address'],
    ['fe80::/10', 'a link-local address'],
    ['fec0::/10', 'a private address'],
    ['ff00::/8', 'a multicast address'],
    ['2001::/23', 'a reserved or tunnelled address'],
    ['2001:db8::/32', 'a documentation address'],
    ['2002::/16', 'a 6to4 address'],
    ['2620:4f:8000::/48', 'a reserved address'],
    ['3fff::/20', 'a documentation address'],
  ] as const
).map(([cidr, kind]) => ({ range: ipaddr.parseCIDR(cidr), kind }));

/** The only block of IPv6 that is given out for the Internet (RFC 4291, IANA). */
const GLOBAL_IPV6 = ipaddr.parseCIDR('2000::/3');
const LOOPBACK = [ipaddr.parseCIDR('127.0.0.0/8'), ipaddr.parseCIDR('::1/128')];

/**
 * The address that `text` spells in its usual form, or undefined. An IPv4 address inside an IPv6
 * one (`::ffff:a.b.c.d`) is taken for the IPv4 one, since that is where a connection would go.
 */
export const parseAddress = (text: string): Address | undefined => {
  // The library also reads octal and short forms, which no resolver and no socket gives, and
  // takes the outdated `::a.b.c.d` for a mapped one: it is given the form without dots and zone.
  const family = isIP(text);
  if (family === 0) return undefined;
  const host = family === 6 ? URL.parse(`http://[${text.replace(/%.*/, '')}]`)?.hostname : text;
  if (host === undefined) return undefined;
  const address = ipaddr.parse(host.replace(/^\[|\]$/g, ''));
  return address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress()
    ? address.toIPv4Address()
    : address;
};

/** What makes `address` forbidden (`a loopback address`), or undefined when it is public. */
export const forbiddenKind = (address: Address): string | undefined => {
  const found = FORBIDDEN.find(({ range }) => within(address, range));
  if (found !== undefined) return found.kind;
  const assigned = address.kind() === 'ipv4' || within(address, GLOBAL_IPV6);
  return assigned ? undefined : 'a reserved address';
};

/** The block that `named` (`10.1.2.0/24`, `fd00::/8`, or one address) stands for, or undefined. */
export const parseRange = (named: string): Range | undefined => {
  const [text = '', given, ...rest] = named.split('/');
  const address = parseAddress(text);
  if (address === undefined || rest.length > 0) return undefined;
  const most = address.kind() === 'ipv4' ? 32 : 128;
  const bits = given ?? String(most);
  if (!/^\d{1,3}$/.test(bits)) return undefined;
  // A mapped block would have to be counted in bits of IPv4: nobody needs that spelling.
  const mapped = address.kind() === 'ipv4' && isIP(text) === 6;
  return mapped || Number(bits) > most ? undefined : [address, Number(bits)];
};

/** Whether `address` lies in the block; one of another family never does. */
export const within = (address: Address, [first, bits]: Range): boolean =>
  address.kind() === first.kind() && address.match(first, bits);

/** Whether any loopback address lies in `range`. */
export const holdsLoopback = (range: Range): boolean =>
  LOOPBACK.some((loopback) => within(range[0], [loopback[0], Math.min(range[1], loopback[1])]));
