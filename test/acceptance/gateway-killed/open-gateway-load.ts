import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startNats } from '../../support/nats.ts';
import { startPostgres } from '../../support/postgres.ts';
import { type RunpodWorker, startRunpodWorker } from '../../support/start-runpod-worker.ts';
import { type Switchyard, startSwitchyard } from '../../support/start-switchyard.ts';
import { type JobReader, openJobReader, untilQuiet } from '../load/read-jobs.ts';
import { type Posting, readAcknowledged, startPosting } from '../load/start-posting.ts';
import { callsTo } from '../support/call-http.ts';
import { makeKey } from '../support/setup-calls.ts';
import { type Probe, probeDoor } from './probe-door.ts';

export type GatewayLoad = AsyncDisposable & {
  readonly databaseUrl: string;
  readonly switchyard: Switchyard;
  readonly reader: JobReader;
  readonly workers: readonly RunpodWorker[];
  /** How often the process of the one supervised worker was started. */
  readonly supervisedStarts: () => number;
  /** Runs `strike` under load, and waits until the jobs of that have ended. */
  readonly phase: (strike: () => Promise<number[]>) => Promise<Phase>;
};

/** What was seen while something was killed. Moments are in ms since 1970. */
export type Phase = {
  readonly killsAtMs: readonly number[];
  readonly fromMs: number;
  readonly toMs: number;
  /** The acknowledged jobs. */
  readonly ids: readonly string[];
  readonly isQuiet: boolean;
  readonly probe: Pick<Probe, 'tries' | 'refusals'>;
  readonly supervisedRestarts: number;
};

const ENDPOINT = 'echo';
const SUPERVISED = 'supervised';
const PER_SECOND = 60;
/** Jobs that are at work when the door goes dark post while it is. A stop does not end them. */
const INPUT = JSON.stringify({ do: 'stubborn', ms: 100 });
const SLOTS = 8;
const QUIET_MAX_MS = 90_000;
const STARTED_WITHIN_MS = 60_000;
const LOOK_AGAIN_MS = 50;
const PROGRAM = fileURLToPath(new URL('./supervised-worker.ts', import.meta.url));

const configOf = (journal: string): string => `
endpoints:
  ${ENDPOINT}: { limits: { maxAttempts: 10 } }
  ${SUPERVISED}: { worker: { template: noting, minimum: 1, maximum: 1 } }
workerTemplates:
  noting: { command: ${JSON.stringify(['node', PROGRAM, journal])} }
`;

/** Starts the system and its workers. */
export const openGatewayLoad = async (): Promise<GatewayLoad> => {
  await using started = new AsyncDisposableStack();
  const folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard-gateway-'));
  started.defer(() => rm(folder, { recursive: true, force: true }));
  const journal = path.join(folder, 'supervised.journal');
  const postgres = started.use(await startPostgres());
  const nats = started.use(await startNats());
  const databaseUrl = await postgres.createDatabase();
  const config = configOf(journal);
  const switchyard = started.use(
    await startSwitchyard({ mode: 'separate', databaseUrl, brokerUrl: nats.url, config }),
  );
  const { apiUrl, apiKey, gatewayUrl } = switchyard;
  const granted = { scopes: ['worker'], endpoints: [ENDPOINT] };
  const { key: token } = await makeKey(callsTo(apiUrl, apiKey), granted);
  const reader = started.use(openJobReader(apiUrl, ENDPOINT, apiKey));
  const workers = startWorkers(started, gatewayUrl, token);
  const supervisedStarts = (): number => readFileSync(journal, 'utf8').split('\n').length - 1;
  await untilThere(journal);
  let phases = 0;
  const post = (): { posting: Posting; file: string } => {
    phases += 1;
    const file = path.join(folder, `acknowledged-${phases}`);
    const posting = startPosting({
      ...{ apiUrl, endpoint: ENDPOINT, apiKey, acknowledgedPath: file, perSecond: PER_SECOND },
      ...{ count: Number.MAX_SAFE_INTEGER, concurrency: 64, retryAfterMs: [500] },
      ...{ keyPrefix: `phase-${phases}-`, input: INPUT },
    });
    return { posting, file };
  };
  const phase: GatewayLoad['phase'] = async (strike) => {
    const fromMs = Date.now();
    const startsBefore = supervisedStarts();
    const { posting, file } = post();
    await using _ = posting;
    await using probe = probeDoor(Number(new URL(gatewayUrl).port));
    const killsAtMs = await strike();
    posting.finish();
    await posting.report;
    const isQuiet = await untilQuiet(reader, QUIET_MAX_MS);
    const ids = [...readAcknowledged(file).values()];
    const supervisedRestarts = supervisedStarts() - startsBefore;
    return { killsAtMs, fromMs, toMs: Date.now(), ids, isQuiet, probe, supervisedRestarts };
  };
  const parts = started.move();
  return {
    ...{ databaseUrl, switchyard, reader, workers, supervisedStarts, phase },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
};

/** The supervised worker writes its first line when it begins. @throws Error when it does not. */
const untilThere = async (journal: string): Promise<void> => {
  const untilMs = performance.now() + STARTED_WITHIN_MS;
  while (!existsSync(journal)) {
    if (performance.now() > untilMs) throw new Error('the supervised worker did not start');
    await pause(LOOK_AGAIN_MS);
  }
};

/** Half of them open a connection for each call. */
const startWorkers = (
  started: AsyncDisposableStack,
  gatewayUrl: string,
  workerToken: string,
): RunpodWorker[] =>
  ['kept-1', 'kept-2', 'new-1', 'new-2'].map((workerId) => {
    const worker = startRunpodWorker({
      ...{ gatewayUrl: `${gatewayUrl}/v2`, endpoint: ENDPOINT, workerToken, workerId },
      concurrency: SLOTS,
      env: { TEST_JOURNAL_RAW: '0', TEST_KEEP_ALIVE: workerId.startsWith('new') ? '0' : '1' },
    });
    started.defer(() => worker.close());
    return worker;
  });
