import type { WorkerConfig } from './config.ts';
import { type Answer, exchange, openAgent } from './exchange.ts';

const SDK_VERSION = '1.12.0';
const POST_TIMEOUT_MS = 600_000;

/** One HTTP session of the Python package: the headers that it sends on every call. */
export type Session = {
  get(url: string, timeoutMs: number): Promise<Answer>;
  post(url: string, jobId: string, body: Buffer): Promise<Answer>;
};

/**
 * The id of the job last posted is a header of the session, not of the call: it is seen on the
 * polls that come later, and a server that trusts it is misled.
 */
export const openSession = (config: WorkerConfig): Session => {
  const agent = openAgent(config.keepAlive);
  let lastJobId: string | undefined;
  const headers = (contentType: string): Record<string, string> => ({
    Accept: '*/*',
    'Accept-Encoding': 'gzip, deflate',
    'Content-Type': contentType,
    Authorization: config.authorization,
    'User-Agent': `RunPod-Python-SDK/${SDK_VERSION} (Linux; x86_64) Language/Python 3.11.2`,
    ...(lastJobId === undefined ? {} : { 'X-Request-ID': lastJobId }),
  });
  return {
    get: (url, timeoutMs) =>
      exchange(agent, { method: 'GET', url, headers: headers('application/json'), timeoutMs }),
    post(url, jobId, body) {
      lastJobId = jobId;
      return exchange(agent, {
        method: 'POST',
        url,
        headers: { ...headers('application/x-www-form-urlencoded'), charset: 'utf-8' },
        body,
        timeoutMs: POST_TIMEOUT_MS,
      });
    },
  };
};
