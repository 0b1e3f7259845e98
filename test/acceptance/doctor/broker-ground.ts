import { streams } from '@switchyard/contracts';
import amqp, { type Channel } from 'amqplib';
import { connect, type JetStreamManager, StorageType } from 'nats';
import { startNats } from '../../support/nats.ts';
import { startRabbit } from '../../support/rabbitmq.ts';

/** A broker, and what an operator who errs may do to it. */
export type BrokerGround = AsyncDisposable & {
  readonly name: string;
  readonly url: string;
  /** With credentials that it refuses; undefined where it asks for none. */
  readonly urlOfStranger: string | undefined;
  deleteDeadLetters(): Promise<void>;
  /** Makes them as they must not be: not kept on disk, or not replicated. */
  makeWrongDeadLetters(): Promise<void>;
  stop(): Promise<void>;
  start(): Promise<void>;
};

/** A nats-server. */
export const openNatsGround = async (): Promise<BrokerGround> => {
  const nats = await startNats();
  const { name, topics } = streams.deadLetters;
  type Work = (of: JetStreamManager['streams']) => Promise<unknown>;
  const withStreams = async (work: Work): Promise<void> => {
    const connection = await connect({ servers: nats.url });
    const manager = await connection.jetstreamManager();
    await work(manager.streams).finally(() => connection.close());
  };
  return {
    name: 'NATS',
    url: nats.url,
    urlOfStranger: undefined,
    deleteDeadLetters: () => withStreams((of) => of.delete(name)),
    makeWrongDeadLetters: () =>
      withStreams((of) => of.add({ name, subjects: [...topics], storage: StorageType.Memory })),
    stop: () => nats.stop(),
    start: () => nats.start(),
    [Symbol.asyncDispose]: () => nats.close(),
  };
};

/** The queue of the dead letters, as docs and contract name it. */
const DEAD_QUEUE = 'switchyard.dead';

/** A RabbitMQ. */
export const openRabbitGround = async (): Promise<BrokerGround> => {
  const rabbit = await startRabbit();
  const withChannel = async (work: (channel: Channel) => Promise<unknown>): Promise<void> => {
    const connection = await amqp.connect(rabbit.url);
    const channel = await connection.createChannel();
    await work(channel).finally(() => connection.close());
  };
  const stranger = new URL(rabbit.url);
  stranger.username = 'stranger';
  stranger.password = 'wrong';
  return {
    name: 'RabbitMQ',
    url: rabbit.url,
    urlOfStranger: stranger.href,
    deleteDeadLetters: () => withChannel((channel) => channel.deleteQueue(DEAD_QUEUE)),
    makeWrongDeadLetters: () =>
      withChannel((channel) =>
        channel.assertQueue(DEAD_QUEUE, { arguments: { 'x-queue-type': 'classic' } }),
      ),
    stop: () => rabbit.stop(),
    start: () => rabbit.start(),
    [Symbol.asyncDispose]: () => rabbit.close(),
  };
};
