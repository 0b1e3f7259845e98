import { Queue, Worker } from 'bullmq';
import type { Engine } from '../engine.ts';

const QUEUE = 'bench';
const TASK = 'bench';
const CONCURRENCY = 100;

/** BullMQ with 100 jobs at once; done jobs are removed, as its documentation advises. */
export const openBullmq = async (url: string): Promise<Engine> => {
  const { hostname: host, port } = new URL(url);
  const connection = { host, port: Number(port) };
  const queue = new Queue(QUEUE, { connection, defaultJobOptions: { removeOnComplete: true } });
  await queue.waitUntilReady();
  let worker: Worker | undefined;
  return {
    add: async (input) => (await queue.add(TASK, input)).id ?? '',
    addMany: async (inputs) => {
      await queue.addBulk(inputs.map((data) => ({ name: TASK, data })));
    },
    work: async (handle) => {
      const run = async ({ data }: { data: unknown }): Promise<void> => handle(data);
      worker = new Worker(QUEUE, run, { connection, concurrency: CONCURRENCY });
      worker.on('error', (error) => console.error('bullmq', error.message));
      await worker.waitUntilReady();
    },
    stop: async () => {
      await worker?.close(true);
      await queue.close();
    },
  };
};
