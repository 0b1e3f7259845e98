import type { LimitedClient } from './client.ts';
import { factOf } from './client.ts';
import type { DrawnJob } from './draw-job.ts';

type Way = (mine: string, theirs: string, jobId: string) => string;

/** Ways to ask for a job of `theirs` with a key of `mine`. */
export const TRESPASSES: readonly Way[] = [
  (_, theirs, jobId) => `GET /v2/${theirs}/status/${jobId}`,
  (_, theirs, jobId) => `GET /v2/${theirs}/stream/${jobId}`,
  (_, theirs) => `GET /v2/${theirs}/requests`,
  (mine, _, jobId) => `GET /v2/${mine}/status/${jobId}`,
  (mine, _, jobId) => `GET /v2/${mine}/stream/${jobId}`,
  (mine) => `GET /v2/${mine}/requests`,
  (mine, _, jobId) => `POST /v2/${mine}/cancel/${jobId}`,
  (mine, _, jobId) => `POST /v2/${mine}/retry/${jobId}`,
  (_, theirs, jobId) => `POST /v2/${theirs}/cancel/${jobId}`,
  (_, __, jobId) => `GET /v1/jobs/${jobId}`,
  () => 'GET /v1/jobs?limit=200',
  (_, theirs) => `GET /v1/jobs?endpoint=${theirs}`,
];

const ID = /"(?:id|job|jobId)":"([0-9a-z-]{8,})"/gi;

/** Asks for a job of another endpoint, and writes down what was told. */
export const trespass = async (
  { api, journal, reach }: Omit<LimitedClient, 'random'>,
  way: Way,
  { endpoint }: Pick<DrawnJob, 'endpoint'>,
  jobId: string,
): Promise<void> => {
  const line = way(reach, endpoint, jobId);
  const reply = await api.ask({ line, ...(line.startsWith('POST') ? { body: '{}' } : {}) });
  const { jobId: told, ...fact } = factOf(reply).fact;
  const shown = [...reply.text.matchAll(ID)].flatMap(([, id = '']) => id);
  journal.write({
    ...{ kind: 'trespass', via: 'http', endpoint, reach, ...fact },
    shown: told === undefined ? shown : [...shown, told],
    // An answer that succeeds tells of the job that it was asked for, with or without its id.
    ...(line.includes(jobId) ? { jobId } : {}),
  });
};
