import { createHash } from 'node:crypto';
import { parseJobId, uuidOf } from '@switchyard/contracts';
import pg from 'pg';
import type { Evidence } from './check/breach.ts';
import { checkRun, tellBreaches } from './check.ts';
import type { History, Operation } from './history.ts';

/** What became of the jobs of a run, as far as the promise goes. */
export type Verdict = {
  readonly acknowledged: number;
  /** Of those, how many are in the database. */
  readonly found: number;
  /** Sentences, one for each thing that must not be. */
  readonly faults: readonly string[];
  /** Sentences with figures of the rules. */
  readonly figures: readonly string[];
  readonly lost: number;
  readonly twoTerminal: number;
  readonly altered: number;
  readonly ends: ReadonlyMap<string, number>;
  readonly runs: number;
  /** Starts of a job beyond the first and one for each retry of the client. */
  readonly reruns: number;
  readonly rerunPart: number;
};

type JobRow = {
  readonly id: string;
  readonly input: Buffer;
  readonly status: string | null;
  readonly output: Buffer | null;
  readonly ends: number;
  readonly retries: number;
};

const JOBS = `select jobs.job_id as id, input, status, output, told.ends, told.retries
  from jobs left join results using (endpoint_id, job_id), lateral (
    select count(*) filter (where event in ('completed', 'failed', 'cancelled', 'timed_out'))::int
        as ends, count(*) filter (where event = 'retried')::int as retries
    from events
    where events.endpoint_id = jobs.endpoint_id and events.job_id = jobs.job_id) as told`;

const SHOWN = 5;

/** Looks at the database and the history of a run that is healed and quiet. */
export const judge = async (evidence: Evidence): Promise<Verdict> => {
  const { databaseUrl, history } = evidence;
  const jobs = await readJobs(databaseUrl);
  const acknowledged = acknowledgedIn(history.operations);
  const uuids = [...acknowledged.keys()];
  const lost = uuids.filter((uuid) => !jobs.has(uuid));
  const all = [...jobs.values()];
  const twoTerminal = all.filter(({ ends, retries }) => ends > retries + 1).map(({ id }) => id);
  const endless = all.filter(({ status }) => status === null).map(({ id }) => id);
  const altered = uuids.filter((uuid) => isAltered(jobs.get(uuid), acknowledged.get(uuid)));
  const reruns = countReruns(jobs, history);
  const { breaches, figures } = await checkRun(evidence);
  const sentences = [
    ...tell('acknowledged and lost', lost),
    ...tell('with two terminal states', twoTerminal),
    ...tell('without a terminal state', endless),
    ...tell('altered', altered),
    ...tellBreaches(breaches),
  ];
  return {
    acknowledged: uuids.length,
    found: uuids.length - lost.length,
    faults: sentences,
    figures,
    ...{ lost: lost.length, twoTerminal: twoTerminal.length, altered: altered.length },
    ends: countBy(all.map(({ status }) => status ?? 'none')),
    runs: history.runs.length,
    reruns,
    rerunPart: reruns / Math.max(1, history.runs.length),
  };
};

const tell = (what: string, ids: readonly string[]): string[] =>
  ids.length === 0 ? [] : [`${ids.length} jobs are ${what}: ${ids.slice(0, SHOWN).join(', ')}`];

const countBy = (values: readonly string[]): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
};

const readJobs = async (url: string): Promise<Map<string, JobRow>> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<JobRow>(JOBS);
    return new Map(rows.map((row) => [row.id, row]));
  } finally {
    await client.end();
  }
};

/** The UUID of a job that a client knows. */
const uuidIn = (jobId: string): string => {
  const parsed = parseJobId(jobId);
  return parsed === undefined ? jobId : uuidOf(parsed);
};

const acknowledgedIn = (operations: readonly Operation[]): Map<string, Operation> =>
  new Map(
    operations.flatMap((one): [string, Operation][] =>
      one.kind === 'submit' && one.outcome === 'ok' && one.jobId !== undefined
        ? [[uuidIn(one.jobId), one]]
        : [],
    ),
  );

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const ECHO = Buffer.from('{"do":"echo"');

/** Workers give the input of an echo back as it came. */
const isAltered = (job: JobRow | undefined, posted: Operation | undefined): boolean => {
  if (job === undefined || posted?.inputSha256 === undefined) return false;
  if (sha256(job.input) !== posted.inputSha256) return true;
  const isEcho = job.input.subarray(0, ECHO.length).equals(ECHO);
  return isEcho && job.output !== null && !job.output.equals(job.input);
};

const countReruns = (jobs: ReadonlyMap<string, JobRow>, { runs }: History): number => {
  const starts = countBy(runs.map(({ jobId }) => uuidIn(jobId)));
  return [...starts].reduce(
    (sum, [uuid, count]) => sum + Math.max(0, count - 1 - (jobs.get(uuid)?.retries ?? 0)),
    0,
  );
};
