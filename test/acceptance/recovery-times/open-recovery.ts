import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BrokerName } from '../../support/brokers.ts';
import { startNats } from '../../support/nats.ts';
import { startPostgres } from '../../support/postgres.ts';
import { startRabbit } from '../../support/rabbitmq.ts';
import { type Switchyard, startSwitchyard } from '../../support/start-switchyard.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import { type JournalWorker, startJournalWorker } from '../load/start-journal-worker.ts';
import { type Call, callsTo } from '../support/call-http.ts';
import type { Checks } from '../support/checks.ts';
import { makeKey } from '../support/setup-calls.ts';

/** What each of the losses has to itself. */
export const ENDPOINTS = {
  /** Workers that the supervisor starts. */
  local: 'local',
  remoteOurs: 'remote-ours',
  remoteRunpod: 'remote-runpod',
  assigned: 'assigned',
  steady: 'steady',
  published: 'published',
} as const;
type EndpointName = (typeof ENDPOINTS)[keyof typeof ENDPOINTS];

export const LOCAL_WORKERS = 4;

/** The whole system, with a way between supervisor and broker that may be broken. */
export type Recovery = AsyncDisposable & {
  readonly checks: Checks;
  readonly call: Call;
  readonly switchyard: Switchyard;
  readonly broker: {
    readonly url: string;
    /** Kills it with -9 and removes all that it stored; `start` follows. */
    readonly wipe: () => Promise<void>;
    readonly start: () => Promise<void>;
  };
  readonly supervisorBroker: TcpProxy;
  readonly databaseUrl: string;
  /** Of a worker, for every endpoint. */
  readonly token: string;
  readonly folder: string;
  /** What the workers that the supervisor starts note. */
  readonly localJournal: string;
  /** Starts a worker of our library from elsewhere; it ends with the system. */
  readonly startWorker: (
    endpoint: EndpointName,
    workerId: string,
    workMs: number,
    gatewayUrl?: string,
  ) => JournalWorker;
};

const SLOTS = 8;
const LOCAL = fileURLToPath(new URL('./local-worker.ts', import.meta.url));

const configOf = (journal: string): string => `
endpoints:
  ${ENDPOINTS.local}:
    worker: { template: local, minimum: ${LOCAL_WORKERS}, maximum: ${LOCAL_WORKERS} }
  ${ENDPOINTS.remoteOurs}: {}
  ${ENDPOINTS.remoteRunpod}: {}
  ${ENDPOINTS.assigned}: {}
  ${ENDPOINTS.steady}: {}
  ${ENDPOINTS.published}: {}
workerTemplates:
  local: { command: ${JSON.stringify(['node', LOCAL, journal])} }
`;

/** Starts it on free ports of loopback. */
export const openRecovery = async (name: BrokerName, checks: Checks): Promise<Recovery> => {
  await using started = new AsyncDisposableStack();
  const folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard-recovery-'));
  started.defer(() => rm(folder, { recursive: true, force: true }));
  const localJournal = path.join(folder, 'local.journal');
  const postgres = started.use(await startPostgres());
  const broker = started.use(await (name === 'nats' ? startNats() : startRabbit()));
  const { url } = broker;
  const supervisorBroker = started.use(await startTcpProxy(Number(new URL(url).port)));
  const supervisor = url.replace(/:\d+$/, `:${supervisorBroker.port}`);
  const databaseUrl = await postgres.createDatabase();
  const switchyard = started.use(
    await startSwitchyard({
      mode: 'separate',
      databaseUrl,
      brokerUrl: { intake: url, scheduler: url, supervisor, notifier: url },
      config: configOf(localJournal),
    }),
  );
  const { apiUrl, apiKey } = switchyard;
  const call = callsTo(apiUrl, apiKey);
  const granted = { scopes: ['worker'], endpoints: Object.values(ENDPOINTS) };
  const { key: token } = await makeKey(call, granted);
  const parts = started.move();
  const startWorker: Recovery['startWorker'] = (
    endpoint,
    workerId,
    workMs,
    gatewayUrl = switchyard.gatewayUrl,
  ) => {
    const settings = { gatewayUrl, endpoint, token, workerId, concurrency: SLOTS, workMs, folder };
    return parts.use(startJournalWorker(settings));
  };
  return {
    ...{ checks, call, switchyard, broker, supervisorBroker, databaseUrl, token, folder },
    ...{ localJournal, startWorker },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
};
