import { openProducer } from '../../support/open-producer.ts';
import { startPostgres } from '../../support/postgres.ts';
import { startSwitchyard } from '../../support/start-switchyard.ts';
import { callsTo } from '../support/call-http.ts';
import { startEchoWorker } from '../support/echo-worker.ts';
import { makeKey } from '../support/setup-calls.ts';
import { startWebhookTarget } from '../support/webhook-target.ts';
import { CASES, type Ground, WINDOW_MS } from './cases.ts';
import { type Way, waysOf } from './ways.ts';

/** What was wrong with a case that came by a way; undefined: nothing. */
export type Verdict = { readonly way: string; readonly name: string; readonly fault?: string };

const ECHO = 'echo';
const IDLE = 'idle';
const CONFIG = `
endpoints: { ${ECHO}: {}, ${IDLE}: {} }
webhooks: { allowPrivateTargets: [127.0.0.0/8] }
`;

/** Runs each case by HTTP and by both ways of the broker at `brokerUrl`, all of them at once. */
export const runCases = async (broker: string, brokerUrl: string): Promise<Verdict[]> => {
  await using started = new AsyncDisposableStack();
  const postgres = started.use(await startPostgres({ fsync: false }));
  const databaseUrl = await postgres.createDatabase();
  const switchyard = started.use(
    await startSwitchyard({ mode: 'separate', databaseUrl, brokerUrl, config: CONFIG }),
  );
  const { apiUrl, gatewayUrl, apiKey } = switchyard;
  const call = callsTo(apiUrl, apiKey);
  const { key: token } = await makeKey(call, { scopes: ['worker'], endpoints: [ECHO] });
  started.use(startEchoWorker({ gatewayUrl, endpoint: ECHO, token }));
  const target = started.use(await startWebhookTarget());
  const producer = started.use(await openProducer(brokerUrl));
  await producer.setDuplicateWindow(WINDOW_MS);
  const ground = { call, target, echo: ECHO, idle: IDLE };
  const ways = waysOf(call, broker, producer);
  const runs = ways.flatMap((way) => Object.keys(CASES).map((name) => runOne(ground, way, name)));
  return await Promise.all(runs);
};

const runOne = async (ground: Ground, way: Way, name: string): Promise<Verdict> => {
  try {
    await CASES[name]?.(ground, way);
    return { way: way.name, name };
  } catch (error) {
    const fault = error instanceof Error ? error.message : String(error);
    return { way: way.name, name, fault: fault.replaceAll(/\s+/g, ' ').slice(0, 400) };
  }
};
