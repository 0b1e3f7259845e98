import amqp, {
  type Channel,
  type ConfirmChannel,
  type ConsumeMessage,
  type GetMessage,
} from 'amqplib';
import { ANSWER_MAX_MS, type DeadLetter, type Producer, type Publication } from '../producer.ts';

const DIRECT_REPLY_TO = 'amq.rabbitmq.reply-to';

/** A producer on RabbitMQ. */
export const openRabbitmqProducer = async (url: string): Promise<Producer> => {
  const connection = await amqp.connect(url);
  // One that breaks tells whoever asks next.
  connection.on('error', () => undefined);
  const channel = await connection.createConfirmChannel();
  channel.on('error', () => undefined);
  const answers = await openAnswers(channel, DIRECT_REPLY_TO);
  const own = (await channel.assertQueue('', { exclusive: true, autoDelete: true })).queue;
  const ownAnswers = await openAnswers(channel, own);

  const publish = (
    { endpoint, body, id }: Publication,
    more: { replyTo: string; correlationId: string } | undefined = undefined,
  ): Promise<void> =>
    new Promise((resolve, reject) => {
      const options = {
        persistent: true,
        contentType: 'application/json',
        ...(id === undefined ? {} : { messageId: id }),
        ...more,
      };
      const bytes = typeof body === 'string' ? Buffer.from(body) : body;
      channel.publish('switchyard.submit', endpoint, bytes, options, (error) =>
        error === null || error === undefined ? resolve() : reject(new Error(String(error))),
      );
    });

  const publishAndWait = async (
    { address, next }: Answers,
    publication: Publication,
  ): Promise<Buffer> => {
    const { correlationId, answer } = next();
    await publish(publication, { replyTo: address, correlationId });
    return await answer;
  };

  return {
    publish: (publication) => publish(publication),
    publishAndHear: (publication) => publishAndWait(ownAnswers, publication),
    ask: (publication) => publishAndWait(answers, publication),
    deadLetters: async () => await readDeadLetters(await connection.createChannel()),
    waiting: async () => (await channel.checkQueue('switchyard.submit')).messageCount,
    describeWaiting: async () =>
      `${(await channel.checkQueue('switchyard.submit')).consumerCount} consumers`,
    // It remembers no ids at all.
    setDuplicateWindow: async () => undefined,
    hearEvents: async (hear) => {
      const { queue } = await channel.assertQueue('', { exclusive: true, autoDelete: true });
      await channel.bindQueue(queue, 'switchyard.events', '#');
      await channel.consume(
        queue,
        (message) => {
          if (message === null) return;
          hear({ topic: `switchyard.events.${message.fields.routingKey}`, body: message.content });
        },
        { noAck: true },
      );
    },
    [Symbol.asyncDispose]: () => connection.close(),
  };
};

/** Reads all on a channel of its own, whose end puts everything back. */
const readDeadLetters = async (looking: Channel): Promise<DeadLetter[]> => {
  const letters: DeadLetter[] = [];
  for (;;) {
    const got = await looking.get('switchyard.dead', { noAck: false });
    if (got === false) break;
    letters.push(letterOf(got));
  }
  await looking.close();
  return letters;
};

type Answers = {
  readonly address: string;
  readonly next: () => { readonly correlationId: string; readonly answer: Promise<Buffer> };
};

/** Hears answers at `queue` and tells them apart by their correlation id. */
const openAnswers = async (channel: ConfirmChannel, queue: string): Promise<Answers> => {
  const waiting = new Map<string, (body: Buffer) => void>();
  let asked = 0;
  const hear = (message: ConsumeMessage | null): void => {
    const id: unknown = message?.properties.correlationId;
    if (message !== null && typeof id === 'string') waiting.get(id)?.(message.content);
  };
  await channel.consume(queue, hear, { noAck: true });
  return {
    address: queue,
    next: () => {
      asked += 1;
      const correlationId = String(asked);
      const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
      const timer = setTimeout(() => reject(new Error('no answer came')), ANSWER_MAX_MS);
      waiting.set(correlationId, resolve);
      const answer = promise.finally(() => {
        clearTimeout(timer);
        waiting.delete(correlationId);
      });
      return { correlationId, answer };
    },
  };
};

const letterOf = ({ fields, properties, content }: GetMessage): DeadLetter => {
  const given: Record<string, unknown> = properties.headers ?? {};
  return {
    topic: `switchyard.dead.${fields.routingKey}`,
    body: content,
    headers: Object.fromEntries(
      Object.entries(given).map(([name, value]) => [name, String(value)]),
    ),
  };
};
