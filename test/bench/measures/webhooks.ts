import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../../support/free-port.ts';
import { untilAllDone } from '../contender.ts';
import { openSwitchyard } from '../contenders/switchyard.ts';
import type { Bench, Figures, Measure } from '../measure.ts';
import { nowUs, PLAIN_INPUT } from '../payload.ts';
import type { WebhookPlan } from '../programs/webhook-target.ts';
import { runLoad } from '../run-load.ts';
import { startProgram } from '../start-program.ts';

const CONNECTIONS = 64;
const LAST_MAX_MS = 120_000;
const LOOK_AGAIN_MS = 3;

/** Resolves once `count` says that `jobs` webhooks came. @throws Error when that takes too long. */
export const untilDelivered = async (count: () => number, jobs: number): Promise<void> => {
  const untilMs = performance.now() + LAST_MAX_MS;
  while (count() < jobs) {
    if (performance.now() > untilMs) throw new Error(`${count()} of ${jobs} webhooks came`);
    await pause(LOOK_AGAIN_MS);
  }
};

const read = async (bench: Bench, areOn: boolean): Promise<Figures> => {
  const jobs = bench.isQuick ? 500 : 20_000;
  const port = await freePort();
  const plan: WebhookPlan = { port };
  await using target = startProgram('webhook-target', plan);
  await target.ready;
  await using arena = await openSwitchyard(bench.servers);
  const worker = await arena.startWorker();
  const front = await arena.front();
  const webhook = areOn ? `,"webhook":"http://127.0.0.1:${port}/hook"` : '';
  const { startedUs } = await runLoad({
    origin: front.origin,
    method: 'POST',
    paths: [front.path],
    headers: front.headers,
    body: `{"input":${PLAIN_INPUT}${webhook}}`,
    connections: CONNECTIONS,
    requests: jobs,
  });
  const perSecond = (): number => (jobs * 1_000_000) / (nowUs() - startedUs);
  await untilAllDone(arena, [worker], jobs);
  const terminalPerSecond = perSecond();
  if (areOn) await untilDelivered(target.count, jobs);
  return { jobsPerSecond: perSecond(), terminalPerSecond };
};

export const WEBHOOKS: Measure = {
  name: 'webhooks',
  about: '20,000 jobs over HTTP until all are terminal and, where they are on, all webhooks came',
  run: (bench) =>
    bench.compare('webhooks', [
      { name: 'webhooks off', read: () => read(bench, false) },
      { name: 'webhooks on', read: () => read(bench, true) },
    ]),
};
