import { type Breach, type Given, groupBy, tell } from './breach.ts';

/** What was acknowledged is there as it was sent, once for each key, and nothing else is. */
export const checkSubmissions = ({ history, jobs }: Given): Breach[] => {
  const submits = history.operations.filter(({ kind }) => kind === 'submit');
  const taken = submits.flatMap((one) =>
    one.outcome === 'ok' && one.jobId !== undefined ? [{ ...one, jobId: one.jobId }] : [],
  );
  const lost = taken.filter(({ jobId }) => !jobs.has(jobId));
  const altered = taken.filter(({ jobId, inputSha256 }) => {
    const job = jobs.get(jobId);
    return job !== undefined && inputSha256 !== undefined && job.inputSha256 !== inputSha256;
  });
  const elsewhere = taken.filter(({ jobId, endpoint, hasWebhook = false }) => {
    const job = jobs.get(jobId);
    return job !== undefined && (job.endpoint !== endpoint || job.hasWebhook !== hasWebhook);
  });

  const keyed = groupBy(taken, ({ endpoint, via, key }) => key && `${endpoint} ${via} ${key}`);
  const severalIds = [...keyed].filter(
    ([, same]) => new Set(same.map(({ jobId }) => jobId)).size > 1,
  );
  const ids = groupBy(taken, ({ jobId }) => jobId);
  const severalKeys = [...ids].filter(
    ([, same]) => new Set(same.map(({ key, atMs }) => key ?? atMs)).size > 1,
  );

  const posted = groupBy(submits, ({ endpoint, inputSha256 }) => `${endpoint} ${inputSha256}`);
  const made = groupBy(
    [...jobs.values()],
    ({ endpoint, inputSha256 }) => `${endpoint} ${inputSha256}`,
  );
  const invented = [...made].filter(([what]) => !posted.has(what));
  const refused = [...made].filter(([what]) =>
    posted.get(what)?.every(({ outcome }) => outcome === 'fail'),
  );
  const doubled = [...made].filter(([what, same]) => {
    const tries = posted.get(what) ?? [];
    const keys = new Set(tries.map(({ via, key, atMs }) => `${via} ${key ?? atMs}`));
    return tries.length > 0 && same.length > keys.size;
  });
  const untaken = submits.filter(
    ({ via, outcome, endpoint, inputSha256, jobId }) =>
      via === 'broker' &&
      outcome === 'ok' &&
      jobId === undefined &&
      !made.has(`${endpoint} ${inputSha256}`) &&
      !history.faults.some(({ kind }) => kind.includes('wipe')),
  );
  const name = ([what]: readonly [string, unknown]): string => what;
  return [
    ...tell('an acknowledged job is there', lost, ({ jobId }) => jobId),
    ...tell('an input is the bytes that were sent', altered, ({ jobId }) => jobId),
    ...tell(
      'a job is of the endpoint and has the webhook that was asked',
      elsewhere,
      (one) => one.jobId,
    ),
    ...tell('one idempotency key names one job', severalIds, name),
    ...tell('a job is named by one idempotency key', severalKeys, name),
    ...tell('every job was submitted', invented, name),
    ...tell('what was refused is not there', refused, name),
    ...tell('what the broker has stored becomes a job', untaken, ({ key }) => key ?? ''),
    ...tell('a submission makes one job', doubled, name),
  ];
};
