import { freePort } from '../../support/free-port.ts';
import { untilAllDone } from '../contender.ts';
import { ENDPOINT, type SwitchyardArena } from '../contenders/switchyard.ts';
import { INSPECTED } from '../inspect-process.ts';
import type { LoadPlan } from '../load-plan.ts';
import { PLAIN_INPUT } from '../payload.ts';
import type { WebhookPlan } from '../programs/webhook-target.ts';
import { postJobs, runLoad } from '../run-load.ts';
import { startProgram } from '../start-program.ts';

/** A load that is ready to be put on Switchyard. */
export type PreparedLoad = {
  /** Of the worker's inspector, where there is a worker. */
  readonly workerUrl?: string;
  /** Code that runs often enough becomes faster: a profile begins only after that. */
  readonly warmUp: () => Promise<void>;
  readonly run: () => Promise<void>;
};

/** What it starts besides is added to `parts`, which end when the profile has been taken. */
export type Load = (
  arena: SwitchyardArena,
  jobs: number,
  parts: AsyncDisposableStack,
) => Promise<PreparedLoad>;

const CONNECTIONS = 64;

const warmUpOf = (jobs: number): number => Math.ceil(jobs / 4);

const runThrough = async (
  arena: SwitchyardArena,
  submit: (jobs: number) => Promise<void>,
  jobs: number,
): Promise<PreparedLoad> => {
  const worker = await arena.startWorker({ env: INSPECTED });
  let given = 0;
  const run = async (count: number): Promise<void> => {
    given += count;
    await submit(count);
    await untilAllDone(arena, [worker], given);
  };
  const workerUrl = worker.inspectorUrl();
  return {
    ...(workerUrl === undefined ? {} : { workerUrl }),
    warmUp: () => run(warmUpOf(jobs)),
    run: () => run(jobs),
  };
};

const post = async (
  arena: SwitchyardArena,
  jobs: number,
  plan: Partial<LoadPlan> = {},
): Promise<void> => {
  const front = await arena.front();
  await runLoad({
    origin: front.origin,
    method: 'POST',
    paths: [front.path],
    headers: front.headers,
    body: `{"input":${PLAIN_INPUT}}`,
    connections: CONNECTIONS,
    requests: jobs,
    ...plan,
  });
};

const withWebhooks: Load = async (arena, jobs, parts) => {
  const port = await freePort();
  const plan: WebhookPlan = { port };
  const target = parts.use(startProgram('webhook-target', plan));
  await target.ready;
  const body = `{"input":${PLAIN_INPUT},"webhook":"http://127.0.0.1:${port}/hook"}`;
  return runThrough(arena, (count) => post(arena, count, { body }), jobs);
};

const readStatuses: Load = async (arena, jobs) => {
  const front = await arena.front();
  const posting = { connections: CONNECTIONS, requests: 1_000, keepIds: true };
  const { ids } = await postJobs(front, PLAIN_INPUT, posting);
  const paths = ids.map((id) => `/v2/${ENDPOINT}/status/${id}`);
  const { origin, headers } = front;
  const read = async (requests: number): Promise<void> => {
    const plan = { origin, headers, paths, connections: CONNECTIONS, requests };
    await runLoad({ ...plan, method: 'GET' });
  };
  return { warmUp: () => read(warmUpOf(jobs)), run: () => read(jobs) };
};

/** By name. */
export const LOADS: Readonly<Record<string, Load>> = {
  'end-to-end': (arena, jobs) => runThrough(arena, (count) => post(arena, count), jobs),
  accept: async (arena, jobs) => ({
    warmUp: () => post(arena, warmUpOf(jobs)),
    run: () => post(arena, jobs),
  }),
  drain: (arena, jobs) => runThrough(arena, (count) => arena.fill(count), jobs),
  runsync: (arena, jobs) =>
    runThrough(arena, (count) => post(arena, count, { paths: [`/v2/${ENDPOINT}/runsync`] }), jobs),
  status: readStatuses,
  webhooks: withWebhooks,
};
