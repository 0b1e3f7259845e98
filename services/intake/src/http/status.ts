import { StatusBodySchema, WAIT_MS } from '@switchyard/contracts';
import { isTerminal } from '@switchyard/lifecycle';
import { describeStatus } from '../describe-status.ts';
import { describeWaited, type WaitedContext } from '../describe-waited.ts';
import { jobMissing, type StatusReader } from '../read-status.ts';
import type { Waiters } from '../wait-for-result.ts';
import { integerIn, jobIn } from './parameters.ts';
import type { Route } from './route.ts';
import { WAIT_PARAMETER } from './wait-parameter.ts';

export type StatusContext = WaitedContext & {
  readonly statuses: StatusReader;
  readonly waiters: Waiters;
};

/** `/status` and `/status-sync`. */
export const statusRoutes = ({
  explainer,
  statuses,
  waiters,
  progress,
}: StatusContext): Route[] => [
  {
    method: 'GET',
    path: '/v2/:endpoint/status/:job',
    summary: 'A job as it stands; while it is queued, with the reason.',
    access: 'endpoint',
    scope: 'read',
    success: { status: 200, schema: StatusBodySchema },
    errors: ['job.not_found', 'job.expired'],
    answer: async (call) => {
      const status = await statuses.find(call.endpoint, jobIn(call));
      const waiting = await explainer.explain(call.endpoint, status);
      return { body: describeStatus(progress, call.endpoint, status, waiting) };
    },
  },
  {
    method: 'GET',
    path: '/v2/:endpoint/status-sync/:job',
    summary: 'A job as it stands when it ends, or when the wait does.',
    access: 'endpoint',
    scope: 'read',
    query: [WAIT_PARAMETER],
    success: { status: 200, schema: StatusBodySchema },
    errors: ['job.not_found', 'job.expired'],
    answer: async (call) => {
      const waitMs = integerIn(call, 'wait', WAIT_MS, WAIT_MS.default);
      const hangUp = call.hangUp();
      const jobId = jobIn(call);
      const first = await statuses.find(call.endpoint, jobId);
      if (isTerminal(first.state)) return { body: describeStatus(progress, call.endpoint, first) };
      waiters.admit();
      const wanted = { waitMs, hangUp, wanted: ({ state }: typeof first) => isTerminal(state) };
      const status = await waiters.wait(call.endpointId, jobId, wanted);
      if (status === undefined) throw jobMissing(call.endpoint, jobId);
      return { body: await describeWaited({ explainer, progress }, call.endpoint, status) };
    },
  },
];
