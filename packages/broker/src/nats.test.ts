import { brokerContract } from './broker.contract.ts';
import { silentLog } from './contract/mailbox.ts';
import { startNatsServer } from './nats/nats-server.fixture.ts';
import { openNatsBroker } from './nats/open-nats-broker.ts';

brokerContract('NATS', async (streams) => {
  const server = await startNatsServer();
  return {
    open: () => openNatsBroker(server.url, { name: 'contract', log: silentLog, streams }),
    end: () => server.end(),
  };
});
