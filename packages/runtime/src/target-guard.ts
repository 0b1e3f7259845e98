import { lookup as lookupName } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import {
  forbiddenKind,
  holdsLoopback,
  parseAddress,
  parseRange,
  type Range,
  within,
} from './target-guard/addresses.ts';
import { FORBIDDEN_PORTS } from './target-guard/ports.ts';

/**
 * Keeps webhooks out of the networks that only we can reach (server-side request forgery). Three
 * looks, each enough for its own case: at the URL when it is submitted, at every answer of the
 * resolver, and at the address that a socket is connected to in the end.
 */

/** In a refusal, `reason` said after the name of the thing makes a sentence. */
export type Verdict = { readonly ok: true } | { readonly ok: false; readonly reason: string };

export type CheckedUrl =
  | { readonly ok: true; readonly url: URL }
  | { readonly ok: false; readonly reason: string };

/** All the addresses of a name, as the operating system knows them. Rejects when it has none. */
export type ResolveName = (hostname: string) => Promise<readonly { readonly address: string }[]>;

export type ConnectedSocket = {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
};

export interface TargetGuard {
  /**
   * Judges a webhook's URL without asking anybody: its form, scheme and, where it names an address
   * in any spelling, that address and its port. Host names are judged when they are resolved, and
   * so is their port, unless no address is open that it could be open on.
   */
  checkUrl(text: string): CheckedUrl;
  /** Judges one IP address in its usual spelling, and `port` on it; anything else is refused. */
  checkAddress(address: string, port?: number): Verdict;
  /**
   * For the `lookup` option of `net`, `http` and `https` requests to `port`. Resolves once and
   * hands on what it judged, so that the connection goes to a judged address whatever the name says
   * next. One forbidden answer refuses the name, with a `TargetRefusedError`. Node does not call it
   * for a host that is an address, and pooled sockets were looked up by whoever opened them: check
   * the URL, and give the guard's requests an agent of their own.
   */
  lookupFor(port: number): LookupFunction;
  /** Judges where a connected socket leads; one that is not connected is refused. */
  checkSocket(socket: ConnectedSocket): Verdict;
}

export type TargetGuardOptions = {
  /** Addresses and CIDR blocks that are open although they are private, with all their ports. */
  readonly allowPrivateTargets: readonly string[];
  /** By default the operating system's, hosts file included. */
  readonly resolve?: ResolveName;
};

/** A name led to a forbidden address. Its message is a whole sentence. */
export class TargetRefusedError extends Error {
  override readonly name = 'TargetRefusedError';
  readonly code = 'target.refused';
}

/** Largest URL of a webhook, in bytes. */
const TARGET_URL_MAX_BYTES = 2_048;

/** Names of this very host that resolvers and hosts files know, apart from `*.localhost`. */
const LOOPBACK_NAMES: ReadonlySet<string> = new Set([
  ...['localhost', 'localhost.localdomain', 'localhost6', 'localhost6.localdomain6'],
  ...['ip6-localhost', 'ip6-loopback'],
]);

const METADATA_ADDRESS = '169.254.169.254';
const METADATA_NAMES: ReadonlySet<string> = new Set([
  ...['metadata.google.internal', 'metadata.goog', 'metadata', 'instance-data'],
  ...['instance-data.ec2.internal', 'metadata.tencentyun.com', 'metadata.azure.internal'],
]);

/** @throws Error that names an entry of `allowPrivateTargets` that `isTargetRange` refuses. */
export const createTargetGuard = (options: TargetGuardOptions): TargetGuard => {
  const allowed = readRanges(options.allowPrivateTargets);
  const resolve = options.resolve ?? resolveBySystem;
  const loopbackNamesOpen = allowed.some(holdsLoopback);

  const checkAddress = (text: string, port?: number): Verdict => {
    const address = parseAddress(text);
    if (address === undefined) return refuse('is not an IP address');
    if (allowed.some((range) => within(address, range))) return { ok: true };
    const kind = forbiddenKind(address);
    if (kind !== undefined) return refuse(`leads to ${text}, ${kind}`);
    return isForbiddenPort(port) ? refuse(`must not name port ${port}`) : { ok: true };
  };

  const checkName = (hostname: string, port: number): Verdict => {
    const name = plainName(hostname);
    if (isLoopbackName(name) && !loopbackNamesOpen) return refuse(`leads to ${name}, this host`);
    if (METADATA_NAMES.has(name) && !checkAddress(METADATA_ADDRESS).ok) {
      return refuse(`leads to ${name}, a cloud metadata service`);
    }
    const isClosed = isForbiddenPort(port) && allowed.length === 0;
    return isClosed ? refuse(`must not name port ${port}`) : { ok: true };
  };

  const checkUrl = (text: string): CheckedUrl => {
    const fault = textFault(text);
    if (fault !== undefined) return refuse(fault);
    const url = URL.parse(text);
    if (url === null) return refuse('must be an absolute http or https URL');
    const urlFault = partsFault(text, url);
    if (urlFault !== undefined) return refuse(urlFault);
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const port = Number(url.port || '80');
    const verdict = isIP(host) === 0 ? checkName(host, port) : checkAddress(host, port);
    return verdict.ok ? { ok: true, url } : verdict;
  };

  /** The addresses of `hostname`, `port` open on each of them. */
  const resolveChecked = async (hostname: string, port: number): Promise<Answer[]> => {
    const byName = checkName(hostname, port);
    if (!byName.ok) throw refusal(hostname, byName.reason);
    const answers = await resolve(hostname);
    const judged = answers.map(({ address }) => ({
      address,
      verdict: checkAddress(address, port),
    }));
    const open = judged.filter(({ verdict }) => verdict.ok);
    const refused = judged.map(({ verdict }) => verdict).find(({ ok }) => !ok);
    // A hosts file gives `localhost` in both families, and the operator may have opened just one.
    const oneWillDo = isLoopbackName(plainName(hostname)) && open.length > 0;
    if (refused?.ok === false && !oneWillDo) throw refusal(hostname, refused.reason);
    return open.map(({ address }) => ({ address, family: isIP(address) }));
  };

  return Object.freeze({
    checkUrl,
    checkAddress,
    lookupFor: (port) => lookupWith((hostname) => resolveChecked(hostname, port)),
    checkSocket: ({ remoteAddress, remotePort }) =>
      remoteAddress === undefined
        ? refuse('is not connected')
        : checkAddress(remoteAddress, remotePort),
  } satisfies TargetGuard);
};

type Answer = { address: string; family: number };

/** Node's shape of a look-up around `resolveChecked`. */
const lookupWith =
  (resolveChecked: (hostname: string) => Promise<Answer[]>): LookupFunction =>
  (hostname, options, callback) => {
    const wanted = { 4: 4, IPv4: 4, 6: 6, IPv6: 6 }[String(options.family)] ?? 0;
    void resolveChecked(hostname).then(
      (answers) => {
        const fitting = answers.filter(({ family }) => wanted === 0 || family === wanted);
        const [first] = fitting;
        if (first === undefined) callback(noAnswer(hostname), []);
        else if (options.all === true) callback(null, fitting);
        else callback(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, []),
    );
  };

const noAnswer = (hostname: string): NodeJS.ErrnoException =>
  Object.assign(new Error(`${hostname} has no address.`), { code: 'ENOTFOUND', hostname });

const resolveBySystem: ResolveName = (hostname) => lookupName(hostname, { all: true });

const refuse = (reason: string) => ({ ok: false, reason }) as const;

const refusal = (hostname: string, reason: string) =>
  new TargetRefusedError(`The target ${hostname} ${reason}.`);

/** What an entry of `allowPrivateTargets` must be, for the sentence that refuses one. */
export const TARGET_RANGE = 'an IP address or a CIDR block such as "10.1.2.0/24" or "fd00::/8"';

/** Whether `text` may stand in `allowPrivateTargets`. */
export const isTargetRange = (text: string): boolean => parseRange(text) !== undefined;

const readRanges = (entries: readonly string[]): Range[] =>
  entries.map((entry) => {
    const range = parseRange(entry);
    if (range !== undefined) return range;
    throw new Error(`allowPrivateTargets must hold ${TARGET_RANGE}; got ${JSON.stringify(entry)}.`);
  });

/** What is wrong with the text before it is parsed, which would silently mend some of it. */
const textFault = (text: string): string | undefined => {
  if (Buffer.byteLength(text) > TARGET_URL_MAX_BYTES) {
    return `must be at most ${TARGET_URL_MAX_BYTES} bytes long`;
  }
  return /[\p{Cc}\s]/u.test(text) ? 'must not hold white space or control characters' : undefined;
};

const partsFault = (text: string, url: URL): string | undefined => {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'must be an http or https URL';
  // Parsing drops an empty user name, so that the authority is looked at as it was written.
  if (url.username !== '' || url.password !== '' || /^https?:[/\\]*[^/\\?#]*@/i.test(text)) {
    return 'must not hold a user name or password';
  }
  return undefined;
};

const isForbiddenPort = (port: number | undefined): boolean =>
  port !== undefined && FORBIDDEN_PORTS.has(port);

/** Names are compared in lower case and without the dot that ends an absolute one. */
const plainName = (hostname: string): string => hostname.toLowerCase().replace(/\.$/, '');

const isLoopbackName = (name: string): boolean =>
  LOOPBACK_NAMES.has(name) || name.endsWith('.localhost');
