/**
 * Makes thumbnails of hundreds of real pictures, by the command line, S3 and webhooks.
 *
 * Four processes on NATS and Debian's Postgres, the worker of examples/thumbnail, an S3 server and
 * a receiver of webhooks. Everything that comes back is compared with the pictures themselves.
 * Prints one line for each check, the figure beside the bound; exits 1 when one falls short.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { REPOSITORY, type Switchyard } from '../support/start-switchyard.ts';
import { startChecks } from './support/checks.ts';
import { openSystem } from './support/open-system.ts';
import { checkRun, readStatuses } from './thumbnails/check-run.ts';
import { describePictures, gatherPictures } from './thumbnails/gather-pictures.ts';
import { planJobs, writeInputs } from './thumbnails/plan-jobs.ts';
import { receiveWebhooks } from './thumbnails/receive-webhooks.ts';
import { servePictures } from './thumbnails/serve-pictures.ts';
import { startStorage } from './thumbnails/start-storage.ts';
import { submitInputs } from './thumbnails/submit-inputs.ts';
import { type Ask, watchProgress } from './thumbnails/watch-progress.ts';

const ENDPOINT = 'thumbnail';
const WEBHOOKS_WAIT_MS = 60_000;

const CONFIG = `
endpoints:
  ${ENDPOINT}:
    worker: { template: thumbnail, concurrency: 2, minimum: 2, maximum: 2 }
    defaults: { executionTimeoutMs: 120000 }
workerTemplates:
  thumbnail: { command: [node, examples/thumbnail/worker.ts], cwd: ${JSON.stringify(REPOSITORY)} }
webhooks: { allowPrivateTargets: [127.0.0.0/8] }
`;

const askOf =
  ({ apiUrl, apiKey }: Switchyard): Ask =>
  async (place, method = 'GET') => {
    const headers = { authorization: `Bearer ${apiKey}` };
    const response = await fetch(`${apiUrl}${place}`, { method, headers });
    if (!response.ok) throw new Error(`${place}: ${response.status} ${await response.text()}`);
    return response.json();
  };

const makeSecret = async (ask: Ask): Promise<string> => {
  const answer = await ask(`/v1/endpoints/${ENDPOINT}/webhook-secret`, 'POST');
  const secret: unknown = Reflect.get(Object(answer), 'secret');
  if (typeof secret !== 'string') throw new TypeError('the answer holds no secret');
  return secret;
};

/** Plays the whole run in `folder`. */
const play = async (folder: string): Promise<void> => {
  const pictures = await gatherPictures(folder);
  for (const line of describePictures(pictures)) console.log(line);
  const jobs = await planJobs(pictures);

  await using system = await openSystem(CONFIG);
  await using storage = await startStorage();
  await using server = await servePictures(pictures);
  const ask = askOf(system.switchyard);
  await using webhooks = await receiveWebhooks(await makeSecret(ask));

  const inputsFile = path.join(folder, 'inputs.ndjson');
  const s3ConfigFile = path.join(folder, 's3.json');
  const inputBytes = await writeInputs(jobs, server, inputsFile);
  await writeFile(s3ConfigFile, JSON.stringify(storage.s3Config), { mode: 0o600 });
  console.log(`${jobs.length} inputs, ${(inputBytes / 1e6).toFixed(0)} MB`);

  const submitted = new AbortController();
  const watching = watchProgress(ask, ENDPOINT, submitted.signal);
  const startedMs = performance.now();
  const submission = { endpoint: ENDPOINT, inputsFile, s3ConfigFile, webhook: webhooks.url };
  const session = await submitInputs(system.switchyard, submission);
  const seconds = (performance.now() - startedMs) / 1_000;
  submitted.abort();
  const progress = await watching;
  await webhooks.until(jobs.length, WEBHOOKS_WAIT_MS);

  const statuses = await readStatuses(ENDPOINT, ask);
  const logs = await system.switchyard.logs();
  const checks = startChecks();
  await checkRun({ jobs, session, progress, webhooks, storage, statuses, logs }, checks);
  console.log(`${seconds.toFixed(1)} s, ${(jobs.length / seconds).toFixed(1)} pictures/s`);
  checks.end();
};

const folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard-thumbnails-'));
try {
  await play(folder);
} finally {
  await rm(folder, { recursive: true, force: true });
}
