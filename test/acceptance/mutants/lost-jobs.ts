import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseJobId, uuidOf } from '@switchyard/contracts';
import pg from 'pg';
import { openJournal, type RunLine } from '../../fault/history.ts';
import { exchange, type Heard, type Post } from './exchange.ts';
import { type EndpointName, type Stage, sha256, submit, untilState } from './stage.ts';
import { startWorker } from './start-worker.ts';

const END_WAIT_MS = 30_000;

/** Workers that lose a job on purpose. */
export const CARELESS = ['careless-one', 'careless-two', 'careless-three'] as const;
type Careless = (typeof CARELESS)[number];

type Said = { readonly free?: 0 | 1; readonly held?: readonly string[]; posts?: readonly Post[] };
type Hand = (said: Said) => Promise<Heard>;

/** Who does one exchange after another by hand. */
const handOf = (stage: Stage, endpoint: EndpointName, workerId: Careless): Hand => {
  const asker = stage.asker(endpoint, workerId);
  return async ({ free = 0, held = [], posts = [] }) => {
    for (;;) {
      stage.over.throwIfAborted();
      const heard = await exchange(asker, { free, held, posts });
      if (typeof heard !== 'number') return heard;
      await pause(200);
    }
  };
};

const takeOne = async (hand: Hand, jobId?: string): Promise<Heard['jobs'][number]> => {
  const untilMs = performance.now() + END_WAIT_MS;
  while (performance.now() < untilMs) {
    const { jobs } = await hand({ free: 1 });
    const job = jobs.find(({ job: id }) => jobId === undefined || id === jobId);
    if (job !== undefined) return job;
  }
  throw new Error('the careless worker got no job');
};

type HandRun = { readonly claimNo: number; readonly output: string; readonly accepted: boolean };

/** Writes down the runs of a worker that was played by hand. */
const noteRuns = (
  { folder }: Stage,
  workerId: Careless,
  job: { readonly jobId: string; readonly input: string },
  runs: readonly HandRun[],
): void => {
  using journal = openJournal<RunLine>(path.join(folder, `runs-${workerId}`));
  for (const { claimNo, output, accepted } of runs) {
    const run = `${workerId}-${claimNo}`;
    const atMs = Date.now();
    const start = { run, workerId, endpoint: 'loss', jobId: job.jobId, claimNo, atMs };
    journal.write({ ...start, inputSha256: sha256(job.input) });
    const answer = accepted ? 'accepted' : 'refused';
    journal.write({ run, endedAtMs: atMs, how: 'returned', outputSha256: sha256(output), answer });
  }
};

/** A worker that lost a job gets it again, and then posts for the claim that is over. */
export const relapse = async (stage: Stage): Promise<void> => {
  const hand = handOf(stage, 'loss', 'careless-one');
  await hand({});
  const input = '{"do":"echo","relapse":1}';
  const jobId = await submit(stage, { endpoint: 'loss', key: 'relapse', input });
  const { claimNo: old } = await takeOne(hand);
  // It lists nothing, so that its claim is found to be lost, and then has the job again.
  const { claimNo: now } = await takeOne(hand, jobId);
  const held = [jobId];
  const post = (claimNo: number, kind: Post['kind'], body: string, seq = 0): Post => ({
    ...{ job: jobId, claimNo, kind, body },
    ...(kind === 'chunk' ? { seq } : {}),
  });
  const outputs = ['"of the first claim"', '"of the second claim"'] as const;
  await hand({ held, posts: [post(now, 'chunk', '{"run":"now","chunk":0}')] });
  await hand({ held, posts: [post(old, 'chunk', '{"run":"old","chunk":1}', 1)] });
  const late = await hand({ held, posts: [post(old, 'output', outputs[0])] });
  const last = await hand({ posts: [post(now, 'output', outputs[1])] });
  noteRuns(stage, 'careless-one', { jobId, input }, [
    { claimNo: old, output: outputs[0], accepted: late.accepted[0] === true },
    { claimNo: now, output: outputs[1], accepted: last.accepted[0] === true },
  ]);
};

const LISTS = 'select from workers where worker_id = $1 and $2 = any (inventory)';
/** What is listed so long before a claim was there for it. */
const LISTED_FOR_MS = 1_500;
const OFFERS = 12;

/** A worker that lost a job lists it after all, and has room for it as well. */
export const listed = async (stage: Stage): Promise<void> => {
  const { folder, databaseUrl } = stage;
  const endpoint = 'listed';
  const workerId = 'careless-three';
  const hand = handOf(stage, endpoint, workerId);
  await hand({});
  const input = '{"do":"echo","ms":20,"listed":1}';
  const jobId = await submit(stage, { endpoint, key: 'listed', input });
  await takeOne(hand);
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const until = async (said: Said, sql: string, values: readonly unknown[]): Promise<void> => {
    const untilMs = performance.now() + END_WAIT_MS;
    while ((await client.query(sql, [...values])).rowCount === 0 && performance.now() < untilMs) {
      await hand(said);
    }
  };
  await until({}, 'select from queue where endpoint_id = $1', [endpoint]);
  const held = [jobId];
  await until({ held }, LISTS, [workerId, uuidIn(jobId)]);
  await client.end();
  await pause(LISTED_FOR_MS);
  for (let n = 0; n < OFFERS; n += 1) await hand({ free: 1, held });
  await using _ = startWorker({ ...stage.asker(endpoint, 'keeper'), concurrency: 1, folder });
  await untilState(stage, endpoint, jobId, ['COMPLETED'], END_WAIT_MS);
};

/** The UUID of a job that clients know under `jobId`. */
const uuidIn = (jobId: string): string => {
  const parsed = parseJobId(jobId);
  if (parsed === undefined) throw new TypeError(`${jobId} is no job's id`);
  return uuidOf(parsed);
};

const LISTED_TWICE = `select from workers join leases using (endpoint_id, worker_id)
  where worker_id = $1 and former_inventory_at > started_at + interval '2 s'`;
/** The sweep has looked by then. */
const SWEPT_MS = 1_800;

/** A worker that lost a job fails it after all, and the job is retried elsewhere at once. */
export const overtaken = async (stage: Stage): Promise<void> => {
  const { folder, databaseUrl } = stage;
  const endpoint = 'late';
  const workerId = 'careless-two';
  const hand = handOf(stage, endpoint, workerId);
  await hand({});
  const input = '{"do":"echo","ms":5000,"overtaken":1}';
  const jobId = await submit(stage, { endpoint, key: 'overtaken', input });
  const { claimNo } = await takeOne(hand);
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const untilMs = performance.now() + END_WAIT_MS;
  for (let isMissed = false; !isMissed && performance.now() < untilMs; ) {
    await hand({});
    isMissed = ((await client.query(LISTED_TWICE, [workerId])).rowCount ?? 0) > 0;
    // What is lost may be in the queue again before this sees it.
    isMissed ||=
      (await client.query(`select from queue where endpoint_id = 'late'`)).rowCount === 1;
  }
  await client.end();
  await pause(SWEPT_MS);
  const posts = [{ job: jobId, claimNo, kind: 'error' as const, body: '"lost"' }];
  await hand({ posts });
  await using _ = startWorker({ ...stage.asker(endpoint, 'careful'), concurrency: 1, folder });
  if (await untilState(stage, endpoint, jobId, ['FAILED'], 400)) {
    const line = `POST /v2/${endpoint}/retry/${jobId}`;
    await stage.ask({ kind: 'retry', endpoint, jobId }, line, { body: '{}' });
  }
  await untilState(stage, endpoint, jobId, ['COMPLETED'], END_WAIT_MS);
};
