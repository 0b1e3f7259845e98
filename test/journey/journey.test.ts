import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { openBroker } from '@switchyard/broker';
import { streams } from '@switchyard/contracts';
import { createLog } from '@switchyard/runtime';
import { type Call, callsTo } from '../acceptance/support/call-http.ts';
import { submit } from '../acceptance/support/setup-calls.ts';
import { collectEvents } from '../notifier/collect-events.ts';
import { chosenBrokers, takeBroker } from '../support/brokers.ts';
import { withDatabase } from '../support/database.ts';
import { startRunpodWorker } from '../support/start-runpod-worker.ts';
import { type Switchyard, startSwitchyard } from '../support/start-switchyard.ts';
import { type JourneyGround, journeySuite } from './journey-suite.ts';

const CONFIG = `
endpoints: { journey: {}, unserved: {} }
webhooks: { allowPrivateTargets: [127.0.0.0/8] }
`;

type EventsOf = JourneyGround['eventsOf'];

/** Hears the lifecycle events as somebody outside does, on a connection of its own. */
const hearEvents = async (
  stack: AsyncDisposableStack,
  url: string,
  call: Call,
): Promise<EventsOf> => {
  const log = createLog({ level: 'fatal', service: 'test', instance: 'test' });
  const broker = await openBroker(url, { name: 'outside', log, streams: [streams.events] });
  stack.defer(() => broker.close());
  const collected = stack.use(collectEvents(broker));
  // On RabbitMQ it hears from some moment on; the first event that comes tells that it does.
  while (collected.events.length === 0) {
    const job = await submit(call, 'unserved', { input: {} });
    await call(`POST /v2/unserved/cancel/${job}`);
  }
  return async (job, count) => {
    for (;;) {
      const heard = new Map(
        collected.events
          .filter(({ subject, sequence }) => subject === job && sequence !== undefined)
          .map((event) => [Number(event.sequence), event.type.split('.').at(-1) ?? '']),
      );
      if (heard.size >= count) {
        return [...heard].toSorted(([one], [other]) => one - other).map(([, name]) => name);
      }
      await collected.count(new Set(collected.events.map(({ id }) => id)).size + 1);
    }
  };
};

/** Runs the suite against a Switchyard that `open` starts, and all that it needs. */
const journey = (
  name: string,
  open: (stack: AsyncDisposableStack) => Promise<readonly [Switchyard, EventsOf]>,
): void => {
  describe(`a job's journey, ${name}`, { timeout: 300_000 }, () => {
    const stack = new AsyncDisposableStack();
    let ground: JourneyGround | undefined;
    before(async () => {
      const [{ apiUrl, gatewayUrl, apiKey }, eventsOf] = await open(stack);
      const worker = startRunpodWorker({
        ...{ gatewayUrl: `${gatewayUrl}/v2`, endpoint: 'journey', workerToken: apiKey },
        ...{ workerId: 'journey', concurrency: 8 },
      });
      stack.defer(() => worker.close());
      const call = callsTo(apiUrl, apiKey);
      ground = {
        ...{ call, endpoint: 'journey', unserved: 'unserved', eventsOf },
        ...{ gatewayUrl, workerToken: apiKey },
      };
    });
    after(() => stack.disposeAsync());
    journeySuite(() => {
      assert.ok(ground);
      return ground;
    });
  });
};

for (const broker of chosenBrokers()) {
  journey(`in four processes on ${broker}`, async (stack) => {
    const { url: databaseUrl } = stack.use(await withDatabase());
    const { url: brokerUrl, close } = await takeBroker(broker, 'journey');
    stack.defer(close);
    const switchyard = stack.use(
      await startSwitchyard({ mode: 'separate', databaseUrl, brokerUrl, config: CONFIG }),
    );
    const call = callsTo(switchyard.apiUrl, switchyard.apiKey);
    return [switchyard, await hearEvents(stack, brokerUrl, call)];
  });
}

journey('all in one process with its broker in memory', async (stack) => [
  stack.use(await startSwitchyard({ mode: 'all-in-one', config: CONFIG })),
  undefined,
]);
