import { appendInWaves } from '../append-in-waves.ts';
import type { Broker } from '../broker.ts';
import { BrokerError } from '../broker-error.ts';
import { checkPrefetch } from '../limits.ts';
import type { OpenBrokerOptions } from '../open-broker-options.ts';
import { checkGroup, checkPattern, checkSpec, streamOf } from '../topics.ts';
import { makeAppend } from './append.ts';
import { Consumption } from './consume.ts';
import { hearHints, sendHints } from './hints.ts';
import { MAX_BODY_BYTES, openLink } from './link.ts';
import { exchangeOf, placeOf } from './places.ts';
import { makeReplies } from './replies.ts';
import { makeRequest, serve } from './requests.ts';
import { openStreams } from './streams.ts';

const CONNECT_TIMEOUT_MS = 10_000;

/**
 * RabbitMQ 3.10 or later: one topic exchange for hints, one for requests, and one for each stream
 * with a quorum queue for each of its groups.
 * @throws BrokerError as `openBroker` says.
 */
export const openAmqpBroker = async (url: string, options: OpenBrokerOptions): Promise<Broker> => {
  const { name, log, connectTimeoutMs = CONNECT_TIMEOUT_MS } = options;
  const specs = options.streams ?? [];
  specs.forEach(checkSpec);
  specs.forEach(exchangeOf);
  const link = await openLink(url, { name, log, connectTimeoutMs });
  await openStreams(link, specs, connectTimeoutMs).catch(async (error: unknown) => {
    await link.close();
    throw error;
  });
  const hints = sendHints(link, specs);
  const append = makeAppend(link, specs);
  const replies = makeReplies(link);
  const request = makeRequest(link);
  const patterns = new Map<string, string>();
  const closing = new AbortController();
  const untilClosed = (stop: AbortSignal) => AbortSignal.any([stop, closing.signal]);
  const checkOpen = (): void => {
    if (!closing.signal.aborted) return;
    throw new BrokerError('broker.unavailable', 'The broker is closed.');
  };

  return {
    maxBodyBytes: MAX_BODY_BYTES,
    hint: hints.hint,
    listen: async (pattern, hear, stop, group) => {
      checkOpen();
      await hearHints(link, pattern, hear, untilClosed(stop), group);
    },
    request,
    serve: async (pattern, group, answer, stop) => {
      checkOpen();
      await serve({ link, replies }, pattern, group, answer, untilClosed(stop));
    },
    append,
    appendInOrder: (messages) => appendInWaves({ append, maxBodyBytes: MAX_BODY_BYTES }, messages),
    consume: async (pattern, group, handle, stop, { prefetch, deadTopic } = {}) => {
      checkOpen();
      checkPattern(pattern);
      const spec = streamOf(specs, pattern);
      checkGroup(spec, group, pattern);
      checkSamePattern(patterns, `${spec.name} ${group}`, pattern);
      const { exchange, queue } = placeOf(spec, group, pattern);
      if (queue === undefined) throw new TypeError('a group has a queue');
      const consumption = new Consumption({
        link,
        place: { exchange, queue },
        rules: { group, handle, deadTopic, append, log, replies },
        prefetch: checkPrefetch(prefetch),
        stop: untilClosed(stop),
      });
      await consumption.run();
    },
    stats: () => ({
      connected: link.isConnected(),
      hintsDropped: hints.dropped(),
      reconnects: link.reconnects(),
    }),
    onConnectionChange: (changed) => link.onChange(changed),
    close: async () => {
      closing.abort();
      await link.close();
    },
  };
};

/** A queue does not tell what is bound to it, so this knows of the groups of this process only. */
const checkSamePattern = (patterns: Map<string, string>, group: string, pattern: string): void => {
  const known = patterns.get(group) ?? pattern;
  patterns.set(group, known);
  if (known === pattern) return;
  throw new BrokerError(
    'broker.conflict',
    `The group ${group.split(' ').at(-1)} consumes ${known} already; ` +
      `${pattern} needs a group of its own.`,
  );
};
