import type { Broker, BrokerLog } from '../broker.ts';
import { BrokerError } from '../broker-error.ts';
import { checkPrefetch } from '../limits.ts';
import type { OpenBrokerOptions } from '../open-broker-options.ts';
import { checkGroup, checkPattern, checkSpec, streamOf } from '../topics.ts';
import { makeAppend } from './append.ts';
import { makeAppendInOrder } from './append-in-order.ts';
import { Consumption } from './consume.ts';
import { hearHints, sendHints } from './hints.ts';
import { type NatsLink, openLink } from './link.ts';
import { Publications } from './publications.ts';
import { makeReplies } from './replies.ts';
import { request, serve } from './requests.ts';
import { type NatsStreams, openStreams } from './streams.ts';

const CONNECT_TIMEOUT_MS = 10_000;
const ACK_WAIT_MS = 30_000;
/**
 * More than the slowest handler takes that ends at all: the half a minute for which intake holds a
 * submission, the two minutes that one more try may wait for the database, and a process that was
 * stopped for a minute meanwhile.
 */
const HELD_MAX_MS = 300_000;

type OpenNatsOptions = OpenBrokerOptions & {
  /** After how long the server takes a message from a member that is silent. Default 30,000. */
  readonly ackWaitMs?: number;
  /** For how long a running handler keeps its message from others. Default 300,000. */
  readonly heldMaxMs?: number;
};

/**
 * NATS 2.9.10 or later: core for hints and requests, JetStream for what is stored.
 * @throws BrokerError as `openBroker` says.
 */
export const openNatsBroker = async (url: string, options: OpenNatsOptions): Promise<Broker> => {
  const { name, log, connectTimeoutMs = CONNECT_TIMEOUT_MS } = options;
  const { ackWaitMs = ACK_WAIT_MS, heldMaxMs = HELD_MAX_MS } = options;
  const specs = options.streams ?? [];
  specs.forEach(checkSpec);
  const link = await openLink(url, { name, log, connectTimeoutMs });
  const streams = await openStreams(link, specs, connectTimeoutMs).catch(async (error: unknown) => {
    await link.close();
    throw error;
  });
  restoreOnReturn(link, streams, log);
  const hints = sendHints(link);
  const publications = new Publications(link);
  const append = makeAppend(link, streams, publications);
  const replies = makeReplies(link);
  const closing = new AbortController();
  const untilClosed = (stop: AbortSignal) => AbortSignal.any([stop, closing.signal]);
  const checkOpen = (): void => {
    if (!closing.signal.aborted) return;
    throw new BrokerError('broker.unavailable', 'The broker is closed.');
  };

  return {
    get maxBodyBytes() {
      return link.maxBodyBytes();
    },
    hint: hints.hint,
    listen: async (pattern, hear, stop, group) => {
      checkOpen();
      await hearHints(link, pattern, hear, untilClosed(stop), group);
    },
    request: async (topic, body, timeoutMs) => await request(link, topic, body, timeoutMs),
    serve: async (pattern, group, answer, stop) => {
      checkOpen();
      await serve(link, pattern, group, answer, untilClosed(stop));
    },
    append,
    appendInOrder: makeAppendInOrder({ link, streams, publications, append }),
    consume: async (pattern, group, handle, stop, { prefetch, deadTopic, overdue } = {}) => {
      checkOpen();
      checkPattern(pattern);
      const stream = streamOf(specs, pattern);
      checkGroup(stream, group, pattern);
      const consumption = new Consumption({
        link,
        streams,
        spec: { stream, group, pattern, ackWaitMs },
        rules: { group, handle, deadTopic, append, log, replies },
        prefetch: checkPrefetch(prefetch),
        heldMaxMs,
        overdue,
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

/** Makes the streams anew after each outage: the server may have lost all that it had stored. */
const restoreOnReturn = (link: NatsLink, streams: NatsStreams, log: BrokerLog): void => {
  const restore = async (): Promise<void> => {
    try {
      await streams.restore();
    } catch (error) {
      log.warn({ err: error }, 'The streams could not be looked after.');
    }
  };
  link.onChange((connected) => {
    if (connected) void restore();
  });
};
