import type { WorkerRun } from '../history.ts';
import { type Breach, type Given, groupBy, tell, wasBroken } from './breach.ts';

/** So long after it was healed, what was broken may still be felt. */
const FELT_MS = 40_000;

/** What workers ran is what was claimed for them, as it was sent, and what they gave is kept. */
export const checkRuns = (given: Given): Breach[] => {
  const { history, jobs } = given;
  const { runs } = history;
  const strangers = runs.filter(({ jobId }) => !jobs.has(jobId));
  const altered = runs.filter(({ jobId, inputSha256, endpoint }) => {
    const job = jobs.get(jobId);
    return job && (job.inputSha256 !== inputSha256 || job.endpoint !== endpoint);
  });
  const unclaimed = [...groupBy(runs, ({ jobId, workerId }) => `${jobId} ${workerId}`)].filter(
    ([, own]) => own.length > claimsFor(given, own[0]).length,
  );
  const byJob = groupBy(runs, ({ jobId }) => jobId);
  const foreign = [...jobs.values()].filter((job) => {
    if (job.state !== 'COMPLETED') return false;
    const own = (byJob.get(job.id) ?? []).filter(
      ({ workerId, claimNo }) =>
        workerId === job.workerId && (claimNo === undefined || claimNo === job.claimNo),
    );
    // A worker that was killed on the way may have posted before it could write so.
    const isOpen = own.some(({ endedAtMs }) => endedAtMs === undefined);
    return !isOpen && !own.some(({ outputSha256 }) => outputSha256 === job.outputSha256);
  });
  const name = ({ jobId, workerId }: WorkerRun): string => `${jobId} by ${workerId}`;
  return [
    ...tell('what runs is a job', strangers, name),
    ...tell('a worker gets the bytes that were sent', altered, name),
    ...tell('a worker runs a job once for each claim', unclaimed, ([what]) => what),
    ...tell('the output that is kept is what its worker gave', foreign, ({ id }) => id),
    ...checkAnswers(given),
    ...checkKept(given),
    ...checkSecretsOfRuns(given),
    ...checkConcurrency(given),
  ];
};

const claimsFor = ({ jobs }: Given, run: WorkerRun | undefined) =>
  (run &&
    jobs
      .get(run.jobId)
      ?.events.filter(({ event, workerId }) => event === 'started' && workerId === run.workerId)) ??
  [];

/** A worker that was told that its result counts made an end, and no other one did. */
const checkAnswers = (given: Given): Breach[] => {
  const endsBy = ({ jobId, workerId }: WorkerRun): number =>
    given.jobs
      .get(jobId)
      ?.events.filter(
        (one) => ['completed', 'failed'].includes(one.event) && one.workerId === workerId,
      ).length ?? 0;
  const own = [...groupBy(given.history.runs, ({ jobId, workerId }) => `${jobId} ${workerId}`)];
  const answered = (answer: WorkerRun['answer'], runs: readonly WorkerRun[]): number =>
    runs.filter((run) => run.answer === answer).length;
  const wrong = own.filter(([, runs]) => {
    const [first] = runs;
    if (first === undefined) return false;
    const ends = endsBy(first);
    if (answered('accepted', runs) > ends) return true;
    // A post that is repeated because its answer was lost is refused, and had counted before.
    return given.history.faults.length === 0 && ends > runs.length - answered('refused', runs);
  });
  return tell('a result counts when its worker is told so, and only then', wrong, ([what]) => what);
};

/** Who works on is not taken a job that nobody ended, and what it gives is heard. */
const checkKept = ({ history, jobs, careless = [] }: Given): Breach[] => {
  const { runs, faults } = history;
  const calm = runs.filter(
    ({ workerId, atMs, endedAtMs = atMs, answeredAtMs = endedAtMs }) =>
      !careless.includes(workerId) && !wasBroken(faults, atMs, answeredAtMs, FELT_MS),
  );
  const robbed = calm.filter(({ jobId, workerId, claimNo, how, answer }) => {
    // One that was stopped was robbed as well where the events say that its job was taken back.
    if (how !== undefined && how !== 'stopped' && answer !== 'refused') return false;
    return jobs
      .get(jobId)
      ?.events.some(
        (one) =>
          one.event === 'requeued' &&
          one.workerId === workerId &&
          (claimNo === undefined || one.claimNo === claimNo) &&
          (one.reason === 'worker_lost' || one.reason === 'result_lost'),
      );
  });
  const unheard = calm.filter(({ answer }) => answer === 'none');
  const name = ({ jobId, workerId }: WorkerRun): string => `${jobId} by ${workerId}`;
  return [
    ...tell('a worker that is there keeps its job', robbed, name),
    ...tell('a result is heard while nothing is broken', unheard, name),
  ];
};

/** A worker gets its job's s3Config whole, and no other one's. */
const checkSecretsOfRuns = ({ history }: Given): Breach[] => {
  const asked = new Map(
    history.operations.flatMap(({ kind, jobId, secrets = [] }) =>
      kind === 'submit' && jobId !== undefined ? [[jobId, new Set(secrets)] as const] : [],
    ),
  );
  const wrong = history.runs.filter(({ jobId, secrets }) => {
    const own = asked.get(jobId);
    if (own === undefined || secrets === undefined) return false;
    return ![...own].every((secret) => secrets.includes(secret));
  });
  return tell('a worker gets the s3Config of its job', wrong, ({ jobId }) => jobId);
};

/** No worker has more jobs than it has room for. */
const checkConcurrency = ({ history, concurrency = new Map() }: Given): Breach[] =>
  [...groupBy(history.runs, ({ workerId }) => workerId)].flatMap(([workerId, runs]) => {
    const most = concurrency.get(workerId);
    if (most === undefined) return [];
    const steps = runs
      .flatMap(({ atMs, endedAtMs = atMs }) => [[atMs, 1] as const, [endedAtMs, -1] as const])
      // Ends first: what ends and begins in one millisecond was not there together.
      .sort(([one, up], [other, down]) => one - other || up - down);
    let running = 0;
    let peak = 0;
    for (const [, step] of steps) {
      running += step;
      peak = Math.max(peak, running);
    }
    return peak <= most
      ? []
      : [{ rule: 'a worker has no more jobs than room', what: `${workerId}: ${peak} of ${most}` }];
  });
