import { after, before, describe } from 'node:test';
import { type BrokerName, chosenBrokers, takeBroker } from '../support/brokers.ts';
import { withDatabase } from '../support/database.ts';
import { type Switchyard, startSwitchyard } from '../support/start-switchyard.ts';
import { workerProtocolSuite } from './worker-protocol-suite.ts';

const ENDPOINTS = Array.from({ length: 40 }, (_, index) => `protocol-${index}`);
const CONFIG = `endpoints: { ${ENDPOINTS.map((endpoint) => `${endpoint}: {}`).join(', ')} }\n`;

const suite = (broker: BrokerName): void => {
  describe(`on ${broker}`, { concurrency: true }, () => {
    let switchyard: Switchyard | undefined;
    const endpoints = [...ENDPOINTS];
    const open: { close(): Promise<void> }[] = [];
    before(async () => {
      const database = await withDatabase();
      const taken = await takeBroker(broker, 'worker-protocol');
      switchyard = await startSwitchyard({
        mode: 'separate',
        databaseUrl: database.url,
        brokerUrl: taken.url,
        config: CONFIG,
      });
      open.push(switchyard, taken, database);
    });
    after(async () => {
      for (const one of open) await one.close();
    });
    workerProtocolSuite(() => {
      if (switchyard === undefined) throw new Error('Switchyard was not started');
      const { apiUrl, gatewayUrl, apiKey } = switchyard;
      return {
        clientUrl: `${apiUrl}/v2`,
        gatewayUrl: `${gatewayUrl}/v2`,
        apiKey,
        workerToken: apiKey,
        nextEndpoint() {
          const endpoint = endpoints.pop();
          if (endpoint === undefined) throw new Error('more tests than endpoints');
          return endpoint;
        },
      };
    });
  });
};

// Side by side: most of it is waiting for polls that are held and workers that are lost.
describe('the gateway of a supervisor behind its keeper', { concurrency: true }, () => {
  for (const broker of chosenBrokers()) suite(broker);
});
