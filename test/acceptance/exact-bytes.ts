/**
 * Sends what parsers change and compares every byte on the way; looks for secrets everywhere.
 *
 * A worker on a plain socket and one of our library give back what they took; /status, /stream,
 * /runsync and the webhook must hold the same bytes. Bodies of exactly the largest size are taken,
 * one byte more is refused. Unknown keys and s3Config are searched in dumps, logs, answers,
 * webhooks and broker messages.
 */
import { checkLibraryWorker, checkRawWorker } from './exact-bytes/round-trips.ts';
import { checkSecrets } from './exact-bytes/secrets.ts';
import { checkRefusals, checkSizes } from './exact-bytes/sizes.ts';
import { callsTo } from './support/call-http.ts';
import { startChecks } from './support/checks.ts';
import { startEchoWorker } from './support/echo-worker.ts';
import { openSystem } from './support/open-system.ts';
import { rawWorker } from './support/raw-worker.ts';
import { makeEndpoint, makeKey } from './support/setup-calls.ts';
import { startWebhookTarget } from './support/webhook-target.ts';

const CONFIG = 'webhooks: { allowPrivateTargets: [127.0.0.0/8] }\n';

const checks = startChecks();
await using target = await startWebhookTarget();
await using system = await openSystem(CONFIG, { LOG_LEVEL: 'debug' });
const { apiUrl, apiKey, gatewayUrl } = system.switchyard;
const call = callsTo(apiUrl, apiKey);

/** An endpoint with a token for its workers. */
const open = async (endpoint: string) => {
  await makeEndpoint(call, endpoint);
  const { key: token } = await makeKey(call, { scopes: ['worker'], endpoints: [endpoint] });
  const settings = { gatewayUrl, endpoint, token, workerId: `raw-${endpoint}` };
  await rawWorker(settings).untilLetIn();
  return settings;
};

const exact = await open('exact');
const library = await open('library');
const sized = await open('sized');
const secret = await open('secret');
await using _echo = startEchoWorker(library);

const parties = { checks, call, target };
const trips = { worker: rawWorker(exact), endpoint: exact.endpoint };
await checkRawWorker({ ...parties, ...trips, libraryEndpoint: library.endpoint });
await checkLibraryWorker({ ...parties, ...trips, libraryEndpoint: library.endpoint });
await checkSecrets({
  checks,
  system,
  target,
  worker: rawWorker(secret),
  other: rawWorker({ ...secret, workerId: 'by-exchange' }),
  endpoint: secret.endpoint,
});
await checkRefusals({ checks, call, worker: rawWorker(sized), endpoint: sized.endpoint });
// Last, because every dump from then on is large.
await checkSizes({ checks, call, worker: rawWorker(sized), endpoint: sized.endpoint });
checks.end();
