import { type Channel, connect } from 'amqplib';
import { silentLog } from '../contract/mailbox.ts';
import { OUTAGE_STREAMS } from '../contract/outage-ground.ts';
import { outageContract } from '../contract/outages.ts';
import { openAmqpBroker } from './open-amqp-broker.ts';
import { startRabbitServer } from './rabbitmq-server.fixture.ts';

outageContract('RabbitMQ', async () => {
  const server = await startRabbitServer();
  const asOperator = async (work: (channel: Channel) => Promise<unknown>) => {
    const operator = await connect(server.url);
    await work(await operator.createChannel());
    await operator.close();
  };
  const options = { name: 'outage', log: silentLog, streams: OUTAGE_STREAMS };
  return {
    ...server,
    start: () => server.start(),
    open: () => openAmqpBroker(server.url, options),
    deleteGroup: (stream) => asOperator((channel) => channel.deleteQueue(`outage.${stream}`)),
    deleteStream: (stream) => asOperator((channel) => channel.deleteExchange(`outage.${stream}`)),
  };
});
