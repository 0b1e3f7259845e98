import type { HandedJob } from './track-workers.ts';

/** A job as RunPod's worker takes it: `input` is the client's bytes, nothing else of theirs. */
export const describeJob = (job: HandedJob): Buffer => {
  const rest = {
    ...(job.webhook === null ? {} : { webhook: job.webhook }),
    ...(job.s3Config === undefined ? {} : { s3Config: job.s3Config }),
  };
  const tail = JSON.stringify(rest).slice(1);
  return Buffer.concat([
    Buffer.from(`{"id":"${job.jobId}","input":`),
    job.input,
    Buffer.from(tail === '}' ? '}' : `,${tail}`),
  ]);
};
