import { appendInWaves } from '../append-in-waves.ts';
import type { Appended, Broker, LaneMessage, Message } from '../broker.ts';
import { BrokerError } from '../broker-error.ts';
import { checkId, untilTooLarge } from '../limits.ts';
import { streamFinder } from '../topics.ts';
import { encodeChain } from './chain.ts';
import type { NatsLink } from './link.ts';
import { type Publications, Unheard } from './publications.ts';
import { rawWriterOf } from './raw-writer.ts';
import type { NatsStreams } from './streams.ts';

/** What is sent again one by one where a chain breaks, at most. */
const CHAIN_MAX_MESSAGES = 128;
const CHAIN_MAX_BYTES = 1_048_576;

type Parts = {
  readonly link: NatsLink;
  readonly streams: NatsStreams;
  readonly publications: Publications;
  readonly append: Broker['append'];
};

/**
 * @returns the port's `appendInOrder`. A stream that one server keeps is sent chains, of which the
 * server's word on the last stands for all (ADR 11). Replicas may differ for a moment in what they
 * hold to be the last message, so a cluster is sent waves.
 */
export const makeAppendInOrder = (parts: Parts): Broker['appendInOrder'] => {
  const { link, streams, append } = parts;
  const streamOf = streamFinder(streams.specs);
  const write = rawWriterOf(link.nats);

  return async (messages) => {
    const [first] = messages;
    if (first === undefined) return { stored: 0, failure: undefined };
    const maxBodyBytes = link.maxBodyBytes();
    const isChained = ({ id, topic, headers }: Message): boolean => {
      checkId(id);
      return headers === undefined && streams.isAlone(streamOf(topic).name);
    };
    if (write === undefined || link.isClustered() || !isTrueOfAll(messages, isChained)) {
      return await appendInWaves({ append, maxBodyBytes }, messages);
    }
    const { fitting, refusal } = untilTooLarge(messages, maxBodyBytes);
    const appended = await appendChains({ ...parts, write }, fitting);
    return appended.failure === undefined ? { ...appended, failure: refusal } : appended;
  };
};

type ChainParts = Parts & { readonly write: (bytes: Uint8Array) => void };

const appendChains = async (
  parts: ChainParts,
  messages: readonly LaneMessage[],
): Promise<Appended> => {
  let stored = 0;
  while (stored < messages.length) {
    const chain = cutChain(messages, stored);
    if (await appendChain(parts, chain)) {
      stored += chain.length;
      continue;
    }
    for (const message of chain) {
      const failure = await failureOf(parts.append(message));
      if (failure !== undefined) return { stored, failure };
      stored += 1;
    }
  }
  return { stored, failure: undefined };
};

const cutChain = (messages: readonly LaneMessage[], from: number): readonly LaneMessage[] => {
  const most = Math.min(messages.length, from + CHAIN_MAX_MESSAGES);
  let bytes = 0;
  let to = from;
  while (to < most && (to === from || bytes <= CHAIN_MAX_BYTES)) {
    bytes += messages[to]?.body.length ?? 0;
    to += 1;
  }
  return messages.slice(from, to);
};

/**
 * Whether all of the chain is known to be stored. A last one that had been stored before tells
 * nothing of those ahead of it: the server looks for repeats first.
 */
const appendChain = async (
  { link, publications, write }: ChainParts,
  chain: readonly LaneMessage[],
): Promise<boolean> => {
  const last = chain.at(-1);
  if (last === undefined || chain.length === 1) return false;
  try {
    link.checkConnected();
    return !(await publications.ask(last.topic, (reply) => write(encodeChain(chain, reply))));
  } catch (error) {
    if (error instanceof BrokerError || error instanceof Unheard) return false;
    throw error;
  }
};

/** Whether `is` says so of each, and refuses none: `append` says then what is wrong with it. */
const isTrueOfAll = (messages: readonly Message[], is: (one: Message) => boolean): boolean => {
  try {
    return messages.every(is);
  } catch (error) {
    if (error instanceof BrokerError) return false;
    throw error;
  }
};

const failureOf = async (appending: Promise<void>): Promise<BrokerError | undefined> => {
  try {
    await appending;
    return undefined;
  } catch (error) {
    if (error instanceof BrokerError) return error;
    throw error;
  }
};
