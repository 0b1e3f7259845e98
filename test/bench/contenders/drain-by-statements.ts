import { type InstanceId, parseEndpointId, parseWorkerId } from '@switchyard/contracts';
import { resolveSettings } from '@switchyard/lifecycle';
import {
  type ClaimedJob,
  claimJobs,
  createEndpoint,
  type Finish,
  finishJobs,
  migrate,
  openStore,
  type Seat,
} from '@switchyard/store';
import type { Servers } from '../servers.ts';
import { fillJobs } from './fill-jobs.ts';

const BATCH = 500;
const OUTPUT = Buffer.from('{"ok":true}');

/**
 * Ends `count` waiting jobs by the product's own claims and finishes alone: one process, nobody
 * told, no worker, and a finish under way while the next batch is claimed, as the reference works.
 * No worker behind a gateway can be faster on these tables.
 * @returns jobs per second.
 */
export const drainByStatements = async (servers: Servers, count: number): Promise<number> => {
  await using opened = new AsyncDisposableStack();
  const endpointId = parseEndpointId('bench');
  const workerId = parseWorkerId('bench-statements');
  if (endpointId === undefined || workerId === undefined) throw new TypeError('these are names');
  const postgres = await servers.postgres();
  const url = await postgres.createDatabase();
  opened.defer(() => postgres.dropDatabase(url));
  await migrate(url);
  const store = openStore({ url, applicationName: 'bench' });
  opened.defer(() => store.close());
  await createEndpoint(store, endpointId, resolveSettings(endpointId, {}));
  await fillJobs(url, endpointId, count);

  const seat: Seat = { workerId, instance: 'bench' as InstanceId };
  const seats = Array.from({ length: BATCH }, () => seat);
  const startedMs = performance.now();
  let finishing: Promise<unknown> = Promise.resolve();
  for (let left = count; left > 0; ) {
    const claimed = await claimJobs(store, endpointId, 'bench/claim', seats, false);
    if (claimed.length === 0) throw new Error(`nothing left to claim, and ${left} not done`);
    left -= claimed.length;
    await finishing;
    finishing = finishJobs(store, endpointId, 'bench/finish', claimed.map(completed));
  }
  await finishing;
  return (count * 1_000) / (performance.now() - startedMs);
};

const completed = ({ jobId, workerId, claimNo }: ClaimedJob): Finish => ({
  ...{ jobId, workerId, claimNo, status: 'COMPLETED', output: OUTPUT, error: undefined },
});
