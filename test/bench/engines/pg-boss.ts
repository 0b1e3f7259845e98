import { PgBoss } from 'pg-boss';
import type { Engine, Purpose } from '../engine.ts';

const QUEUE = 'bench';
const CONNECTIONS = 10;

/**
 * pg-boss as its documentation says for many jobs: batches of 1,000, two loops, and no pause while
 * batches are full. NOTIFY halves its throughput, so only a measure of latency has it.
 */
export const openPgBoss = async (url: string, purpose: Purpose): Promise<Engine> => {
  const notify = purpose === 'latency';
  const boss = new PgBoss({ connectionString: url, max: CONNECTIONS, useListenNotify: notify });
  boss.on('error', (error) => console.error('pg-boss', error.message));
  await boss.start();
  if ((await boss.getQueue(QUEUE)) === null) {
    await boss.createQueue(QUEUE, { notify, retryLimit: 2 });
  }
  return {
    add: async (input) => (await boss.send(QUEUE, input)) ?? '',
    addMany: async (inputs) => {
      await boss.insert(
        QUEUE,
        inputs.map((data) => ({ data })),
      );
    },
    work: async (handle) => {
      const options = {
        batchSize: 1_000,
        localConcurrency: 2,
        burstWhenBatchFull: true,
        pollingIntervalSeconds: 0.5,
        notifyPollingIntervalSeconds: 0.5,
      };
      await boss.work(QUEUE, options, async (jobs) => {
        for (const { data } of jobs) handle(data);
      });
    },
    stop: () => boss.stop({ graceful: false, close: true }),
  };
};
