import { setTimeout as pause } from 'node:timers/promises';
import type { JobDetail } from '@switchyard/contracts';
import { SERVICES, type Switchyard } from '../../support/start-switchyard.ts';
import type { JournalWorker } from '../load/start-journal-worker.ts';
import { type Call, textIn } from '../support/call-http.ts';
import type { Checks } from '../support/checks.ts';
import { endOf, submit } from '../support/setup-calls.ts';

const ENDPOINT = 'paused';
const JOBS = 20;
/** Long enough for every sweep and look that could claim, in ms. */
const WATCHED_MS = 5_000;
const RESUMED_MAX_MS = 2_000;

const startsIn = async (call: Call, jobs: readonly string[]): Promise<number> => {
  let starts = 0;
  for (const job of jobs) {
    const { text } = await call(`GET /v1/jobs/${job}`);
    const { events }: JobDetail = JSON.parse(text);
    starts += events.filter(({ event }) => event === 'started').length;
  }
  return starts;
};

/** A paused endpoint with a free worker starts nothing, over a restart too; then it goes on. */
export const judgePause = async (
  checks: Checks,
  call: Call,
  switchyard: Switchyard,
  worker: JournalWorker,
): Promise<void> => {
  const warmUp = await submit(call, ENDPOINT, { input: 'before' });
  await endOf(call, ENDPOINT, warmUp);
  const startsBefore = worker.starts().length;
  const startsSince = (): number => worker.starts().length - startsBefore;
  const paused = await call(`POST /v1/endpoints/${ENDPOINT}/pause`, { body: {} });
  checks.check(paused.json.paused === true, 'pause answers', paused.status, '200, paused');
  const jobs: string[] = [];
  for (let n = 0; n < JOBS; n += 1) jobs.push(await submit(call, ENDPOINT, { input: n }));
  await pause(WATCHED_MS);
  const before = await startsIn(call, jobs);
  for (const name of SERVICES) await switchyard.process(name).end('SIGTERM');
  for (const name of SERVICES) await switchyard.process(name).start();
  await pause(WATCHED_MS);
  const after = await startsIn(call, jobs);
  checks.check(
    before + after + startsSince() === 0,
    `claims of ${JOBS} jobs while paused, in the history and by the worker's journal`,
    `${before} before and ${after} after a restart of all services, journal ` + `${startsSince()}`,
    'all 0',
  );
  const resumedMs = performance.now();
  const resumed = await call(`POST /v1/endpoints/${ENDPOINT}/resume`, { body: {} });
  const first = textIn(await endOf(call, ENDPOINT, jobs[0] ?? ''), 'status');
  const tookMs = Math.round(performance.now() - resumedMs);
  for (const job of jobs) await endOf(call, ENDPOINT, job);
  checks.check(
    resumed.json.paused === false && first === 'COMPLETED' && tookMs <= RESUMED_MAX_MS,
    'ms from the resume to the first result',
    tookMs,
    `at most ${RESUMED_MAX_MS}`,
  );
  checks.check(
    startsSince() === JOBS,
    'jobs that ran after the resume',
    startsSince(),
    `all ${JOBS}, once each`,
  );
};
