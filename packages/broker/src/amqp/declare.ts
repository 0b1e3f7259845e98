import { createHash } from 'node:crypto';
import type { ConfirmChannel, Options } from 'amqplib';
import { BrokerError } from '../broker-error.ts';
import type { AmqpConnection } from './connection.ts';
import { isMissing, isRefused, toBrokerError } from './failure.ts';

/** A topic exchange and, where somebody consumes, a queue with what is bound to it. */
export type Place = {
  readonly exchange: string;
  readonly queue?: {
    readonly name: string;
    readonly options: Options.AssertQueue;
    readonly key: string;
  };
};

/** One where somebody consumes. */
export type QueuePlace = Place & { readonly queue: NonNullable<Place['queue']> };

type Step = {
  readonly what: string;
  readonly make: (channel: ConfirmChannel) => Promise<unknown>;
  /** Looks whether it is there; undefined where nobody can look. */
  readonly find?: (channel: ConfirmChannel) => Promise<unknown>;
};

const NAME_MAX_BYTES = 255;

/**
 * Makes `place`, or finds that it is as wanted. Where the user may not make it, what an operator
 * made is taken as it is.
 * @throws BrokerError `broker.conflict` where it exists otherwise, `broker.forbidden` where it is
 * missing and may not be made, or `broker.unavailable`.
 */
export const declare = async (connection: AmqpConnection, place: Place): Promise<void> => {
  for (const step of stepsTo(place)) await take(connection, step);
};

/** Whether the exchange and the queue of `place` are there, however they are. */
export const isThere = async (connection: AmqpConnection, place: Place): Promise<boolean> => {
  for (const { find } of stepsTo(place)) {
    try {
      if (find !== undefined) await connection.withChannel(find);
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }
  return true;
};

const stepsTo = ({ exchange, queue }: Place): Step[] => {
  const steps: Step[] = [
    {
      what: `the exchange ${exchange}`,
      make: (channel) => channel.assertExchange(exchange, 'topic', { durable: true }),
      find: (channel) => channel.checkExchange(exchange),
    },
  ];
  if (queue === undefined) return steps;
  const { name, options, key } = queue;
  return [
    ...steps,
    {
      what: `the queue ${name}`,
      make: (channel) => channel.assertQueue(name, options),
      find: (channel) => channel.checkQueue(name),
    },
    {
      what: `the binding of the queue ${name} to the exchange ${exchange}`,
      make: (channel) => channel.bindQueue(name, exchange, key),
    },
  ];
};

const take = async (connection: AmqpConnection, { what, make, find }: Step): Promise<void> => {
  try {
    await connection.withChannel(make);
  } catch (refusal) {
    if (!isRefused(refusal)) throw toBrokerError(refusal, `making ${what}`);
    if (find === undefined) return;
    await connection.withChannel(find).catch((error: unknown) => {
      if (!isMissing(error)) throw toBrokerError(error, `looking for ${what}`);
      const message = `RabbitMQ has not ${what}, which its user may not make: an operator must.`;
      throw new BrokerError('broker.forbidden', message, { cause: refusal });
    });
  }
};

/** The name of a queue that members of `group` share; the server takes 255 bytes. */
export const sharedName = (exchange: string, group: string, pattern: string): string => {
  const name = `${exchange}.${group}.${pattern}`;
  if (name.length <= NAME_MAX_BYTES) return name;
  return `${exchange}.${group}.${createHash('sha256').update(pattern).digest('hex')}`;
};
