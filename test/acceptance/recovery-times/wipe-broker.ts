import { setTimeout as pause } from 'node:timers/promises';
import { openProducer } from '../../support/open-producer.ts';
import { openJobReader } from '../load/read-jobs.ts';
import { judgeNoneLost, keepPosting, longestGapMs } from './keep-posting.ts';
import { ENDPOINTS, type Recovery } from './open-recovery.ts';

const RESUMED_MAX_MS = 30_000;
const BEFORE_MS = 4_000;
const AWAY_MS = 3_000;
const AFTER_MS = 8_000;
const TRY_MAX_MS = 5_000;
const AGAIN_MS = 500;

/** Kills the broker under load and removes all that it stored; a new, empty one takes its place. */
export const wipeBroker = async (recovery: Recovery): Promise<void> => {
  const { checks, broker, switchyard, startWorker } = recovery;
  startWorker(ENDPOINTS.published, 'published', 0);
  await using load = keepPosting(recovery, 'wipe');
  await pause(BEFORE_MS);
  const wipedAtMs = Date.now();
  await broker.wipe();
  await pause(AWAY_MS);
  await broker.start();
  const backAtMs = Date.now();
  const toldMs = await untilTold(recovery, backAtMs);
  await pause(AFTER_MS);
  const endedAtMs = Date.now();
  const jobs = await load.finish();
  const tell = (name: string, tookMs: number): void =>
    checks.check(
      tookMs <= RESUMED_MAX_MS,
      `broker wiped: ${name}, in s`,
      (tookMs / 1_000).toFixed(1),
      `at most ${RESUMED_MAX_MS / 1_000}`,
    );
  tell('longest time without a claim from then on', longestGapMs(jobs, wipedAtMs, endedAtMs));
  tell('from its return until a job that came through it was told of by it', toldMs);
  using reader = openJobReader(switchyard.apiUrl, ENDPOINTS.published, switchyard.apiKey);
  const made = (await reader.requests()).length;
  checks.check(made === 1, 'broker wiped: jobs of that one message id', made, 1);
  judgeNoneLost(recovery, 'broker wiped', jobs);
};

/**
 * Submits through the new broker, again and again with one id until an event of its end comes
 * through it. @returns how long that took, in ms; Infinity when it did not come in time.
 */
const untilTold = async ({ broker }: Recovery, backAtMs: number): Promise<number> => {
  const untilMs = backAtMs + 2 * RESUMED_MAX_MS;
  while (Date.now() < untilMs) {
    // What is not there yet closes the channel: the next try opens another.
    const told = await tellOnce(broker.url, untilMs).catch(() => pause(AGAIN_MS));
    if (told !== undefined) return told - backAtMs;
  }
  return Number.POSITIVE_INFINITY;
};

const tellOnce = async (url: string, untilMs: number): Promise<number | undefined> => {
  await using producer = await openProducer(url);
  let toldAtMs: number | undefined;
  await producer.hearEvents(({ topic }) => {
    if (topic === `switchyard.events.${ENDPOINTS.published}.completed`) toldAtMs ??= Date.now();
  });
  while (toldAtMs === undefined && Date.now() < untilMs) {
    const publication = {
      endpoint: ENDPOINTS.published,
      body: '{"input":1}',
      id: 'after-the-wipe',
    };
    const late = pause(TRY_MAX_MS).then(() => Promise.reject(new Error('the broker is silent')));
    late.catch(() => undefined);
    await Promise.race([producer.publish(publication), late]);
    await pause(AGAIN_MS);
  }
  return toldAtMs;
};
