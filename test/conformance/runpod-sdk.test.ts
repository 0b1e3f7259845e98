import { after, before, describe, it } from 'node:test';
import { chosenBrokers, takeBroker } from '../support/brokers.ts';
import { withDatabase } from '../support/database.ts';
import { type RunpodWorker, startRunpodWorker } from '../support/start-runpod-worker.ts';
import { type Switchyard, startSwitchyard } from '../support/start-switchyard.ts';
import { replayClientRequests } from './runpod-client-requests.ts';
import { type RunpodSdkFixture, runpodSdkSuite } from './runpod-sdk-suite.ts';

const ENDPOINTS = { echo: 'echo', stream: 'stream', slow: 'slow', unserved: 'unserved' } as const;
const CONFIG = `
endpoints: { echo: {}, stream: {}, slow: {}, unserved: {} }
webhooks: { allowPrivateTargets: [127.0.0.0/8] }
`;

type Ground = { readonly switchyard: Switchyard; close(): Promise<void> };

/** Every call of the unmodified client against Switchyard as `open` starts it. */
const suite = (name: string, open: () => Promise<Ground>): void => {
  describe(name, () => {
    let ground: Ground | undefined;
    let workers: RunpodWorker[] = [];
    before(async () => {
      ground = await open();
      const { gatewayUrl, apiKey } = ground.switchyard;
      workers = ['echo', 'stream', 'slow'].map((endpoint) =>
        startRunpodWorker({
          gatewayUrl: `${gatewayUrl}/v2`,
          endpoint,
          workerToken: apiKey,
          workerId: `worker-${endpoint}`,
          concurrency: 4,
        }),
      );
    });
    after(async () => {
      await Promise.all(workers.map((worker) => worker.close()));
      await ground?.close();
    });
    const fixture = (): RunpodSdkFixture => {
      if (ground === undefined) throw new Error('Switchyard was not started');
      const { apiUrl, apiKey } = ground.switchyard;
      return { baseUrl: `${apiUrl}/v2`, apiKey, endpoints: ENDPOINTS, loopbackWebhooks: true };
    };
    runpodSdkSuite(fixture);
    it('answers the requests that real clients were seen to send', () =>
      replayClientRequests(fixture()));
  });
};

for (const broker of chosenBrokers()) {
  suite(`four processes on ${broker} and a Postgres of Debian`, async () => {
    const database = await withDatabase();
    const { url: brokerUrl, close: closeBroker } = await takeBroker(broker, 'runpod-sdk');
    const { url: databaseUrl } = database;
    const switchyard = await startSwitchyard({
      ...{ mode: 'separate', databaseUrl, brokerUrl, config: CONFIG },
    });
    const close = async (): Promise<void> => {
      await switchyard.close();
      await closeBroker();
      await database.close();
    };
    return { switchyard, close };
  });
}

suite('all in one process with the embedded Postgres', async () => {
  const switchyard = await startSwitchyard({ mode: 'all-in-one', config: CONFIG });
  return { switchyard, close: switchyard.close };
});
