import { connect, type JetStreamManager } from 'nats';
import { silentLog } from '../contract/mailbox.ts';
import { OUTAGE_STREAMS } from '../contract/outage-ground.ts';
import { outageContract } from '../contract/outages.ts';
import { startNatsServer } from './nats-server.fixture.ts';
import { openNatsBroker } from './open-nats-broker.ts';

outageContract('NATS', async () => {
  const server = await startNatsServer();
  const asOperator = async (work: (manager: JetStreamManager) => Promise<unknown>) => {
    const operator = await connect({ servers: server.url });
    await work(await operator.jetstreamManager());
    await operator.close();
  };
  const options = { name: 'outage', log: silentLog, streams: OUTAGE_STREAMS, ackWaitMs: 1_000 };
  return {
    ...server,
    open: () => openNatsBroker(server.url, options),
    deleteGroup: (stream) => asOperator((manager) => manager.consumers.delete(stream, 'g')),
    deleteStream: (stream) => asOperator((manager) => manager.streams.delete(stream)),
  };
});
