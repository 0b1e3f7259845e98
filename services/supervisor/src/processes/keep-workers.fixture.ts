/** A database, a broker and worker processes for the tests of those who keep them. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { openBroker } from '@switchyard/broker';
import {
  type Endpoint,
  type EndpointId,
  newInstanceId,
  newJobId,
  parseEndpointId,
  type WorkerId,
  type WorkerTemplate,
} from '@switchyard/contracts';
import { RANK, resolveSettings } from '@switchyard/lifecycle';
import { listenOn, startEmbeddedPostgres } from '@switchyard/runtime';
import { acceptJobs, claimJobs, createEndpoint, migrate, openStore } from '@switchyard/store';
import { createWorkerBook } from '../track-workers.ts';
import { createProcesses, type ProcessesContext } from './keep-workers.ts';
import { createLocalHost } from './local-host.ts';
import { collectExits, collectLog, eventually } from './process.fixture.ts';

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** A way to the database that can be cut, as when it is away, and mended. */
const openWay = async (databaseUrl: string) => {
  const url = new URL(databaseUrl);
  const target = { host: '127.0.0.1', port: Number(url.port) };
  const open = new Set<net.Socket>();
  let isCut = false;
  const way = net.createServer((near) => {
    const far = net.connect(target);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one);
      one.on('error', () => undefined);
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
    if (isCut) near.destroy();
  });
  url.port = String(await listenOn(way, '127.0.0.1', 0));
  const cut = (): void => {
    isCut = true;
    for (const socket of open) socket.destroy();
  };
  return {
    url: url.href,
    cut,
    mend: () => {
      isCut = false;
    },
    close: () => {
      cut();
      way.close();
    },
  };
};

/** One database for all tests of a file. */
export const openGround = async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard-keep-'));
  const postgres = await startEmbeddedPostgres({ dataDir: path.join(folder, 'data'), log: quiet });
  await migrate(postgres.url);
  const way = await openWay(postgres.url);
  const store = openStore({ url: way.url, applicationName: 'test' });
  const closing: (() => Promise<void>)[] = [];
  const clear = async (): Promise<void> => {
    for (const close of closing.splice(0)) await close();
  };
  return {
    folder,
    store,
    instance: newInstanceId(),
    cut: way.cut,
    mend: way.mend,
    closing,
    /** Ends what a test has begun. */
    clear,
    close: async (): Promise<void> => {
      await clear();
      await store.close();
      way.close();
      await postgres.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
};
export type Ground = Awaited<ReturnType<typeof openGround>>;

/** An endpoint with workers of `template`, and what keeps them. */
export const openProcesses = async (
  ground: Ground,
  template: WorkerTemplate,
  more: Partial<ProcessesContext> & { minimum?: number } = {},
) => {
  const { store, instance, folder } = ground;
  const { minimum = 1, ...context } = more;
  const endpointId = parseEndpointId(`e-${randomBytes(4).toString('hex')}`);
  if (endpointId === undefined) throw new Error('this is an id');
  const worker = { template: 'test', minimum, maximum: 10, concurrency: 3 };
  const made = await createEndpoint(store, endpointId, resolveSettings(endpointId, { worker }));
  if (typeof made === 'string') throw new Error('the endpoint is new');
  let endpoint: Endpoint = made;
  const { log, lines } = collectLog();
  const broker = await openBroker(undefined, { name: 'test', log });
  const hints: string[] = [];
  const stop = new AbortController();
  for (const topic of ['switchyard.hint.changed', 'switchyard.hint.nudge.*']) {
    await broker.listen(topic, (hint) => hints.push(hint.topic), stop.signal);
  }
  const host = context.host ?? createLocalHost({ log, dataDir: path.join(folder, endpointId) });
  const workers = createWorkerBook(
    () => undefined,
    () => undefined,
  );
  const parts: ProcessesContext = {
    store,
    broker,
    log,
    instance,
    workers,
    host,
    templates: { test: template },
    configDir: folder,
    gatewayUrl: () => 'http://127.0.0.1:8081',
    endpoints: () => [endpoint],
    ...context,
  };
  const processes = createProcesses(parts);
  ground.closing.push(async () => {
    await processes.stop();
    stop.abort();
    await broker.close();
  });
  const workersNow = (): WorkerId[] =>
    host.list().flatMap(({ workerId, pid }) => (pid === undefined ? [] : [workerId]));
  return {
    ...{ endpointId, endpoint, log, lines, broker, hints, host, workers, parts, processes },
    exitOf: collectExits(host),
    workersNow,
    haveWorkers: async (count: number, besides: readonly string[] = []): Promise<WorkerId[]> => {
      const fresh = () => workersNow().filter((workerId) => !besides.includes(workerId));
      await eventually(`${count} workers`, () => fresh().length === count);
      return fresh();
    },
    change: async (worker: Partial<NonNullable<Endpoint['worker']>>): Promise<void> => {
      if (endpoint.worker === null) throw new Error('it has workers');
      endpoint = { ...endpoint, worker: { ...endpoint.worker, ...worker } };
      await processes.reconcile();
    },
  };
};

/** A job of `endpointId` that `workerId` runs. */
export const runJob = async (
  { store, instance }: Ground,
  endpointId: EndpointId,
  workerId: WorkerId,
) => {
  const jobId = newJobId('async');
  const times = { executionTimeoutMs: 600_000, startAtMs: null, ttlMs: 86_400_000 };
  const plain = { webhook: null, secret: undefined, idempotency: undefined, rank: RANK.low };
  const job = { jobId, input: Buffer.from('1'), ...times, ...plain };
  await acceptJobs(store, endpointId, 'test', 'http', [job]);
  const [claimed] = await claimJobs(store, endpointId, 'test', [{ workerId, instance }], true);
  if (claimed?.jobId !== jobId) throw new Error('the job is claimed');
  return claimed;
};
