/** Submits jobs as lines of NDJSON, many a request and two requests under way. */
import http from 'node:http';
import { BULK_WARM_UP, type BulkReport } from '../contender.ts';
import { nowUs, PLAIN_INPUT } from '../payload.ts';
import { openParent, readPlan } from './parent.ts';

export type SwitchyardBulkPlan = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly jobs: number;
};

const CALL = 10_000;
const LANES = 2;
const LINE = `{"input":${PLAIN_INPUT}}\n`;

const plan = readPlan<SwitchyardBulkPlan>();
const parent = openParent();
const agent = new http.Agent({ keepAlive: true, maxSockets: LANES });
const headers = { ...plan.headers, 'content-type': 'application/x-ndjson' };

const post = (jobs: number): Promise<void> => {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const request = http.request(plan.url, { agent, method: 'POST', headers }, (response) => {
    response.on('error', reject);
    response.on('end', () => {
      if (response.statusCode === 200) resolve();
      else reject(new Error(`bulk: ${response.statusCode}`));
    });
    response.resume();
  });
  request.on('error', reject);
  request.end(LINE.repeat(jobs));
  return promise;
};

await post(BULK_WARM_UP);
const startedUs = nowUs();
let left = plan.jobs;
const lane = async (): Promise<void> => {
  while (left > 0) {
    const next = Math.min(CALL, left);
    left -= next;
    await post(next);
  }
};
await Promise.all(Array.from({ length: LANES }, lane));
const report: BulkReport = { startedUs, seconds: (nowUs() - startedUs) / 1_000_000 };
parent.report(report);
