import { setTimeout as pause } from 'node:timers/promises';
import { newJobId } from '@switchyard/contracts';
import type { Call } from '../support/call-http.ts';
import type { Checks } from '../support/checks.ts';
import { submit } from '../support/setup-calls.ts';

const ENDPOINT = 'brief';
const RETENTION_MS = 2_000;
/** The sweep looks each second; the relay must have published the job's events before. */
const GONE_MAX_MS = RETENTION_MS + 8_000;
const LOOK_AGAIN_MS = 50;

/** 410 for a job past its retention, 404 for one that never was; never a half answer between. */
export const judgeRetention = async (checks: Checks, call: Call): Promise<void> => {
  const job = await submit(call, ENDPOINT, { input: 1 });
  const read = () => call(`GET /v2/${ENDPOINT}/status/${job}`);
  await call(`POST /v2/${ENDPOINT}/cancel/${job}`, { body: {} });
  const endedMs = performance.now();
  const seen = new Set<string>();
  let answer = await read();
  while (answer.status === 200 && performance.now() - endedMs < GONE_MAX_MS * 3) {
    seen.add(String(answer.json.status));
    await pause(LOOK_AGAIN_MS);
    answer = await read();
  }
  const tookMs = Math.round(performance.now() - endedMs);
  checks.check(
    answer.status === 410 && answer.json.code === 'job.expired' && tookMs >= RETENTION_MS - 100,
    'a job past its retention',
    `${answer.status} ${answer.json.code}, ${[...seen].join()} until then`,
    '410 job.expired, not before',
  );
  checks.check(
    tookMs <= GONE_MAX_MS,
    'ms from its end until it was gone',
    tookMs,
    `from ${RETENTION_MS} to ${GONE_MAX_MS}`,
  );
  const never = await call(`GET /v2/${ENDPOINT}/status/${newJobId('async')}`);
  checks.check(
    never.status === 404 && never.json.code === 'job.not_found',
    'a job that never was',
    `${never.status} ${never.json.code}`,
    '404 job.not_found',
  );
};
