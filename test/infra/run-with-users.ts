import assert from 'node:assert/strict';
import { callsTo } from '../acceptance/support/call-http.ts';
import { startEchoWorker } from '../acceptance/support/echo-worker.ts';
import { endOf, makeKey, submit } from '../acceptance/support/setup-calls.ts';
import type { BrokerServers } from '../support/broker-servers.ts';
import { withDatabase } from '../support/database.ts';
import { type Switchyard, startSwitchyard } from '../support/start-switchyard.ts';

export const ENDPOINT = 'echo';

/** The four services, each as its own user, and a worker; `submitJob` waits for the end. */
export type UsersSystem = AsyncDisposable & {
  readonly submitJob: () => Promise<void>;
  /** How many jobs the endpoint has completed. */
  readonly completed: () => Promise<number>;
  /** What the services and their broker found to complain about. */
  readonly complaints: () => Promise<readonly string[]>;
};

/** Starts the services on `servers`, where the operator has made the streams. */
export const startWithUsers = async (servers: BrokerServers): Promise<UsersSystem> => {
  await using started = new AsyncDisposableStack();
  const database = started.use(await withDatabase());
  const switchyard: Switchyard = started.use(
    await startSwitchyard({
      mode: 'separate',
      databaseUrl: database.url,
      brokerUrl: {
        intake: servers.url('intake'),
        scheduler: servers.url('scheduler'),
        supervisor: servers.url('supervisor'),
        notifier: servers.url('notifier'),
      },
      config: `endpoints: { ${ENDPOINT}: { name: Echo } }\n`,
    }),
  );
  const { apiUrl, apiKey, gatewayUrl } = switchyard;
  const call = callsTo(apiUrl, apiKey);
  const { key: token } = await makeKey(call, { scopes: ['worker'], endpoints: [ENDPOINT] });
  started.use(startEchoWorker({ gatewayUrl, endpoint: ENDPOINT, token }));
  const parts = started.move();
  return {
    submitJob: async () => {
      const job = await submit(call, ENDPOINT, { input: { n: 1 } });
      assert.equal((await endOf(call, ENDPOINT, job)).json.status, 'COMPLETED');
    },
    completed: async () => {
      const { json } = await call(`GET /v2/${ENDPOINT}/health`);
      return Number(Object(json.jobs).completed);
    },
    complaints: async () => {
      const lines = (await switchyard.logs()).split('\n');
      return lines.filter((line) =>
        /complains|forbidden|refuse|"level":"(?:warn|error)"/.test(line),
      );
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
};
