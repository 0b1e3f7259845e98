import type { JobDetail, JobSummary, WorkerInfo } from '@switchyard/contracts';

const AT = '2026-01-01T00:00:00.000Z';
export const JOB_ID = '0198c0de-7a11-7000-8000-5a5a5a5a5a5a';

const summaryOf = (id: string): JobSummary => ({
  ...{ id, endpoint: 'echo', status: 'FAILED', priority: 'high', createdAt: AT },
  ...{ delayTime: 12, executionTime: 125_000, workerId: 'w1' },
});

const JOB: JobDetail = {
  ...summaryOf(JOB_ID),
  attempt: 2,
  maxAttempts: 2,
  policy: { executionTimeout: 600_000, ttl: 86_400_000, lowPriority: false },
  inputBytes: 7,
  error: 'no\u001B[2J luck',
  events: [
    { seq: 1, event: 'accepted', at: AT, text: 'It was accepted.' },
    {
      ...{ seq: 2, event: 'started', at: '2026-01-01T00:00:01.500Z', attempt: 1, claimNo: 1 },
      ...{ workerId: 'w1', text: 'Attempt 1 of 2 began on w1.' },
    },
    {
      ...{ seq: 3, event: 'requeued', at: '2026-01-01T01:02:03.000Z', spent: true },
      text: 'It went back to the queue: its worker was not heard of any more.',
    },
  ],
  deliveries: [
    {
      ...{ id: 'd1', target: 'https://hooks.example', outcome: null, createdAt: AT },
      closedAt: null,
      tries: [
        {
          ...{ n: 1, startedAt: AT, durationMs: 9_999, outcome: 'failed' },
          ...{ responseStatus: 503, error: null },
        },
      ],
    },
  ],
};

const WORKER: WorkerInfo = {
  ...{ id: 'w1', endpoint: 'echo', state: 'unhealthy', reason: 'it is \u001B[31mhot' },
  ...{ slots: 4, jobs: [JOB_ID, 'b', 'c'], supervisor: '5f0c7a52-0000', firstSeenAt: AT },
  seenAt: AT,
};

/** What operators look at, in two pages of jobs of which the first holds none. */
export const operationsRoutes: readonly [RegExp, () => unknown][] = [
  [/^GET \/v1\/jobs\?(?!.*cursor=)/, () => ({ jobs: [], cursor: 'c1' })],
  [/^GET \/v1\/jobs\?.*cursor=c1/, () => ({ jobs: [summaryOf(JOB_ID)], cursor: 'c2' })],
  [/^GET \/v1\/jobs\?.*cursor=c2/, () => ({ jobs: [summaryOf(JOB_ID)], cursor: null })],
  [new RegExp(`^GET /v1/jobs/${JOB_ID}`), () => JOB],
  [/^GET \/v1\/workers/, () => ({ workers: [WORKER] })],
];
