/**
 * A worker by RunPod's protocol that costs little: one poll for as many jobs as it has room for,
 * and a post for each result, every call on a connection of its own, since answers close theirs.
 */
import http from 'node:http';
import { countFor, openParent, readPlan } from './parent.ts';

export type RunpodPlan = {
  readonly gatewayUrl: string;
  readonly endpoint: string;
  readonly token: string;
  readonly workerId: string;
  readonly concurrency: number;
};

const OUTPUT = '{"output":{"ok":true}}';

const plan = readPlan<RunpodPlan>();
const parent = openParent();
const count = countFor(parent);
const base = `${plan.gatewayUrl}/v2/${plan.endpoint}`;
const headers = { authorization: plan.token };

const call = (method: 'GET' | 'POST', path: string, body?: string): Promise<string> => {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
  const options = { method, agent: false, headers: { ...headers, ...length } };
  const request = http.request(`${base}/${path}`, options, (response) => {
    let text = '';
    response.setEncoding('utf8');
    response.on('error', reject);
    response.on('data', (piece: string) => {
      text += piece;
    });
    response.on('end', () => {
      const { statusCode = 0 } = response;
      if (statusCode < 300) resolve(text);
      else reject(new Error(`${path}: ${statusCode} ${text}`));
    });
  });
  request.on('error', reject);
  request.end(body);
  return promise;
};

let free = plan.concurrency;
let freed = Promise.withResolvers<void>();

const run = async ({ id }: { readonly id: string }): Promise<void> => {
  count();
  await call('POST', `job-done/${plan.workerId}/${id}?gpu=none&isStream=false`, OUTPUT);
  free += 1;
  freed.resolve();
};

const take = async (): Promise<void> => {
  const path = `job-take-batch/${plan.workerId}?gpu=none&batch_size=${free}`;
  const text = await call('GET', `${path}&job_in_progress=${free < plan.concurrency ? 1 : 0}`);
  const jobs: readonly { readonly id: string }[] = text === '' ? [] : JSON.parse(text);
  free -= jobs.length;
  for (const job of jobs) run(job).catch(fail);
};

const fail = (error: unknown): void => {
  console.error(error);
  process.exit(1);
};

parent.say({ kind: 'began' });
for (;;) {
  if (free > 0) {
    await take().catch(fail);
  } else {
    freed = Promise.withResolvers<void>();
    await freed.promise;
  }
}
