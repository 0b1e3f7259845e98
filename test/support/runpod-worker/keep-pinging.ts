import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkerConfig } from './config.ts';
import { exchange, openAgent } from './exchange.ts';
import type { Journal } from './journal.ts';
import { pingUrlOf } from './ping-url.ts';

const RETRIED: ReadonlySet<number> = new Set([429, 500, 502, 503, 504]);
const RETRIES_MAX = 3;
const RETRY_PAUSE_MS = 1_000;

/** Pings at once and then each interval, with the jobs that are `listed` then. Never resolves. */
export const keepPinging = async (
  config: WorkerConfig,
  journal: Journal,
  listed: () => readonly string[],
): Promise<never> => {
  const agent = openAgent(config.keepAlive);
  const pingOnce = async (jobIds: readonly string[]): Promise<number> => {
    try {
      const answer = await exchange(agent, {
        method: 'GET',
        url: pingUrlOf(config, jobIds.length > 0 ? { job_id: jobIds.join(',') } : {}),
        headers: {
          'User-Agent': 'python-requests/2.28.1',
          'Accept-Encoding': 'gzip, deflate',
          Accept: '*/*',
          Authorization: config.authorization,
        },
        timeoutMs: 2 * config.pingIntervalMs,
      });
      return answer.status;
    } catch {
      return 0;
    }
  };
  for (;;) {
    const jobIds = listed();
    let status = await pingOnce(jobIds);
    for (let retry = 0; retry < RETRIES_MAX && RETRIED.has(status); retry += 1) {
      await sleep(RETRY_PAUSE_MS);
      status = await pingOnce(jobIds);
    }
    journal.record({ event: 'ping', jobIds, status });
    await sleep(config.pingIntervalMs);
  }
};
