import { after, before, describe } from 'node:test';
import { withDatabase } from '../support/database.ts';
import { startNats } from '../support/nats.ts';
import { type Switchyard, startSwitchyard } from '../support/start-switchyard.ts';
import { workerProtocolSuite } from './worker-protocol-suite.ts';

describe('the gateway of a supervisor behind its keeper', () => {
  let switchyard: Switchyard | undefined;
  const open: { close(): Promise<void> }[] = [];
  before(async () => {
    const database = await withDatabase();
    const nats = await startNats();
    switchyard = await startSwitchyard({
      mode: 'separate',
      databaseUrl: database.url,
      brokerUrl: nats.url,
      config: 'endpoints: { protocol: {} }\n',
    });
    open.push(switchyard, nats, database);
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
      endpoint: 'protocol',
    };
  });
});
