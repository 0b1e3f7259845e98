import { appendInWaves } from '../append-in-waves.ts';
import type { Broker, BrokerLog, StreamSpec } from '../broker.ts';
import { BrokerError } from '../broker-error.ts';
import { checkMessage, checkPrefetch } from '../limits.ts';
import type { Replies } from '../settle-delivery.ts';
import { checkGroup, checkPattern, checkSpec, isForeignTopic, streamOf } from '../topics.ts';
import { MemoryHints } from './hints.ts';
import { MemoryRequests } from './requests.ts';
import { MemoryStream } from './stream.ts';

const MAX_BODY_BYTES = 1_048_576;
const RETAINED_MAX_BYTES = 16 * 1_048_576;

type MemoryBrokerOptions = {
  readonly log: BrokerLog;
  readonly streams?: readonly StreamSpec[];
  /** Default 1 MiB. */
  readonly maxBodyBytes?: number;
  /** What each stream keeps at most, with 512 bytes for every message. Default 16 MiB. */
  readonly retainedMaxBytes?: number;
};

/**
 * The broker of a single process: nothing is connected, nothing outlives the process. Hints and
 * messages are copied and delivered in order, never before the call that sent them has returned.
 * @throws BrokerError `broker.invalid`.
 */
export const openMemoryBroker = (options: MemoryBrokerOptions): Broker => {
  const { log, maxBodyBytes = MAX_BODY_BYTES } = options;
  const retainedMaxBytes = options.retainedMaxBytes ?? RETAINED_MAX_BYTES;
  const streams = (options.streams ?? []).map((spec) => {
    checkSpec(spec);
    return { topics: spec.topics, stream: new MemoryStream(spec, retainedMaxBytes) };
  });
  const hints = new MemoryHints(log, maxBodyBytes);
  const requests = new MemoryRequests(log, maxBodyBytes);
  const closing = new AbortController();
  const untilClosed = (stop: AbortSignal) => AbortSignal.any([stop, closing.signal]);
  const checkOpen = (): void => {
    if (!closing.signal.aborted) return;
    throw new BrokerError('broker.unavailable', 'The broker is closed.');
  };
  const replies: Replies = {
    allows: isForeignTopic,
    send: ({ to, body }) => hints.hint(to, body),
  };
  const append: Broker['append'] = async (message) => {
    checkOpen();
    checkMessage(message, maxBodyBytes);
    streamOf(streams, message.topic).stream.append(message);
  };

  return {
    maxBodyBytes,
    hint: (topic, body) => hints.hint(topic, body),
    listen: async (pattern, hear, stop, group) => {
      checkOpen();
      hints.listen(pattern, hear, untilClosed(stop), group);
    },
    request: async (topic, body, timeoutMs) => {
      checkOpen();
      return await requests.request(topic, body, timeoutMs);
    },
    serve: async (pattern, group, answer, stop) => {
      checkOpen();
      await requests.serve(pattern, group, answer, untilClosed(stop));
    },
    append,
    appendInOrder: (messages) => appendInWaves({ append, maxBodyBytes }, messages),
    consume: async (pattern, group, handle, stop, { prefetch, deadTopic } = {}) => {
      checkOpen();
      checkPattern(pattern);
      const { stream } = streamOf(streams, pattern);
      checkGroup(stream.spec, group, pattern);
      const member = stream.group(group, pattern);
      const rules = { group, handle, deadTopic, append, log, replies };
      await member.join(rules, checkPrefetch(prefetch), untilClosed(stop));
    },
    stats: () => ({
      connected: !closing.signal.aborted,
      hintsDropped: hints.dropped(),
      reconnects: 0,
    }),
    // A process does not lose itself.
    onConnectionChange: () => () => undefined,
    close: async () => {
      closing.abort();
      hints.close();
      for (const { stream } of streams) stream.close();
    },
  };
};
