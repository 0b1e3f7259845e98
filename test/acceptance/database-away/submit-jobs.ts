import { StreamBodySchema, validator } from '@switchyard/contracts';
import type { Call } from '../support/call-http.ts';
import { readJob } from '../worker-troubles/history.ts';
import type { PlannedJob } from './plan-jobs.ts';
import type { SeenJob } from './seen.ts';

export type SubmittedJob = PlannedJob & { readonly id: string };

const LANES = 32;
const checkStream = validator(StreamBodySchema);

/** Submits jobs, those of one endpoint in one request. @throws Error when one is not accepted. */
export const submitAll = async (
  call: Call,
  jobs: readonly PlannedJob[],
): Promise<SubmittedJob[]> => {
  const submitted: SubmittedJob[] = [];
  for (const [endpoint, own] of Map.groupBy(jobs, (job) => job.endpoint)) {
    const body = own.map(({ input }) => `${JSON.stringify({ input })}\n`).join('');
    const headers = { 'content-type': 'application/x-ndjson' };
    const { text } = await call(`POST /v1/endpoints/${endpoint}/jobs/bulk`, { body, headers });
    const lines = text.split('\n').filter(Boolean);
    for (const [index, job] of own.entries()) {
      const { id }: { id?: unknown } = JSON.parse(lines[index] ?? '{}');
      if (typeof id !== 'string') throw new Error(`not accepted: ${lines[index]}`);
      submitted.push({ ...job, id });
    }
  }
  return submitted;
};

/** How each job stands, read over the API. */
export const readAll = async (call: Call, jobs: readonly SubmittedJob[]): Promise<SeenJob[]> => {
  const waiting = [...jobs];
  const seen: SeenJob[] = [];
  const lane = async (): Promise<void> => {
    for (let job = waiting.pop(); job !== undefined; job = waiting.pop()) {
      const { id, endpoint, wanted, streams } = job;
      const { text: status } = await call(`GET /v2/${endpoint}/status/${id}`);
      const detail = await readJob(call, id);
      const chunks = streams ? await readChunks(call, endpoint, id) : wanted;
      seen.push({ id, wanted, detail, status, chunks });
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return seen;
};

/** The outputs of all chunks that are stored, as one array of JSON. */
const readChunks = async (call: Call, endpoint: string, id: string): Promise<string> => {
  const { text } = await call(`GET /v2/${endpoint}/stream/${id}?from=0`);
  const read = checkStream(JSON.parse(text));
  if (!read.ok) throw new Error(`${read.detail} ${text.slice(0, 500)}`);
  return JSON.stringify(read.value.stream.map(({ output }) => output));
};
