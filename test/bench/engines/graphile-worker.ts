import { Logger, makeWorkerUtils, type Runner, run } from 'graphile-worker';
import pg from 'pg';
import type { Engine, Purpose } from '../engine.ts';

const TASK = 'bench';
const CONNECTIONS = 12;
const CONCURRENT_JOBS = 10;
const LOCAL_QUEUE = 500;

/**
 * graphile-worker as its documentation says for many jobs: a local queue that is filled 500 at a
 * time, and completions in batches. For latency the local queue is left out.
 */
export const openGraphileWorker = async (url: string, purpose: Purpose): Promise<Engine> => {
  const pgPool = new pg.Pool({ connectionString: url, max: CONNECTIONS });
  pgPool.on('error', () => undefined);
  pgPool.on('connect', (client) => client.on('error', () => undefined));
  const logger = new Logger(() => () => undefined);
  const tools = await makeWorkerUtils({ pgPool, logger });
  await tools.migrate();
  const batched =
    purpose === 'throughput'
      ? { localQueue: { size: LOCAL_QUEUE }, completeJobBatchDelay: 0, failJobBatchDelay: 0 }
      : {};
  let runner: Runner | undefined;
  return {
    add: async (input) => (await tools.addJob(TASK, input)).id,
    addMany: async (inputs) => {
      await tools.addJobs(inputs.map((payload) => ({ identifier: TASK, payload })));
    },
    work: async (handle) => {
      runner = await run({
        pgPool,
        logger,
        noHandleSignals: true,
        taskList: { [TASK]: async (payload) => handle(payload) },
        preset: {
          worker: { concurrentJobs: CONCURRENT_JOBS, pollInterval: 2_000, ...batched },
        },
      });
    },
    stop: async () => {
      await runner?.stop();
      await tools.release();
      await pgPool.end();
    },
  };
};
