import { connect } from 'amqplib';
import { openAmqpBroker } from './amqp/open-amqp-broker.ts';
import { startRabbitServer } from './amqp/rabbitmq-server.fixture.ts';
import { brokerContract } from './broker.contract.ts';
import type { HeardReply, ReplyBox } from './contract/ground.ts';
import { Mailbox, silentLog } from './contract/mailbox.ts';

/** A queue of the vendor's client, as somebody outside has one. */
const openReplyBox = async (url: string): Promise<ReplyBox> => {
  const connection = await connect(url);
  const channel = await connection.createChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  const box = new Mailbox<HeardReply>();
  const hear = (message: { content: Buffer; properties: { correlationId?: unknown } } | null) => {
    const correlation = message?.properties.correlationId;
    const correlationId = typeof correlation === 'string' ? correlation : undefined;
    if (message !== null) box.put({ body: message.content.toString(), correlationId });
  };
  await channel.consume(queue, hear, { noAck: true });
  return {
    address: queue,
    correlates: true,
    whenCount: async (count) => {
      const heard = await box.whenCount(count);
      await connection.close();
      return heard;
    },
  };
};

brokerContract('RabbitMQ', async (streams) => {
  const server = await startRabbitServer();
  return {
    knowsRepeats: false,
    keepsForLateGroups: false,
    openReplyBox: () => openReplyBox(server.url),
    open: () => openAmqpBroker(server.url, { name: 'contract', log: silentLog, streams }),
    end: () => server.end(),
  };
});
