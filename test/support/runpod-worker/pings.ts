/**
 * The process that pings. It is a child of the worker, and like the package's it outlives a worker
 * that is killed, pinging with the last list that it was told.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { readConfig } from './config.ts';
import { exchange, openAgent } from './exchange.ts';
import { openJournal } from './journal.ts';
import { pingUrlOf } from './ping-url.ts';

const RETRIED: ReadonlySet<number> = new Set([429, 500, 502, 503, 504]);
const RETRIES_MAX = 3;
const RETRY_PAUSE_MS = 1_000;

const config = readConfig(process.env);
const journal = openJournal(config);
const agent = openAgent(config.keepAlive);
let jobIds: readonly string[] = [];

process.on('message', (message) => {
  if (Array.isArray(message)) jobIds = message.filter((id) => typeof id === 'string');
});
// No test may leave a process behind for ever.
process.on('disconnect', () => setTimeout(() => process.exit(0), config.orphanMs));

const pingOnce = async (listed: readonly string[]): Promise<number> => {
  try {
    const answer = await exchange(agent, {
      method: 'GET',
      url: pingUrlOf(config, listed.length > 0 ? { job_id: listed.join(',') } : {}),
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

const ping = async (): Promise<void> => {
  const listed = jobIds;
  let status = await pingOnce(listed);
  for (let retry = 0; retry < RETRIES_MAX && RETRIED.has(status); retry += 1) {
    await sleep(RETRY_PAUSE_MS);
    status = await pingOnce(listed);
  }
  journal.record({ event: 'ping', jobIds: listed, status });
};

// An interval below one second is divided down to none, which breaks the package's pings as well.
if (config.pingIntervalMs === 0) process.exit(1);
for (;;) {
  await ping();
  await sleep(config.pingIntervalMs);
}
