import {
  earliestUuid,
  type JobDelivery,
  type JobDetail,
  JobDetailSchema,
  JobsPageSchema,
  PRIORITIES,
  parseWorkerId,
  refuse,
  STATES,
  uuidOf,
} from '@switchyard/contracts';
import {
  findJob,
  listDeliveries,
  readEventsOfJob,
  type Store,
  searchJobs,
} from '@switchyard/store';
import { describeJob } from '../describe-job.ts';
import type { WaitingExplainer } from '../explain-waiting.ts';
import { jobMissing, noSuchJob, type StatusReader } from '../read-status.ts';
import { cursorIn, toCursor } from './cursors.ts';
import { groupTries } from './deliveries.ts';
import { choiceIn, integerIn, jobIn, momentIn, shown } from './parameters.ts';
import { type Call, json, type KeyCall, type Route } from './route.ts';
import { ENDPOINT_PARAMETER, idsOf, visibleEndpoints } from './visible-endpoints.ts';

export type JobsContext = {
  readonly store: Store;
  readonly statuses: StatusReader;
  readonly explainer: WaitingExplainer;
};

const LIMIT = { minimum: 1, maximum: 1_000, default: 100 };
const DELIVERIES_MAX = 100;
const MOMENT = {
  type: 'string',
  description: 'ISO 8601, in UTC where it names no zone, or ms since 1970.',
};

/** The jobs of `/v1`, over endpoints. */
export const jobRoutes = (context: JobsContext): Route[] => [
  {
    method: 'GET',
    path: '/v1/jobs',
    summary: 'A page of jobs over endpoints, newest first, without payloads.',
    access: 'key',
    scope: 'read',
    query: [
      ENDPOINT_PARAMETER,
      { name: 'status', schema: { enum: STATES }, description: 'Only jobs in this state.' },
      { name: 'worker', schema: { type: 'string' }, description: 'Run by this worker last.' },
      { name: 'priority', schema: { enum: PRIORITIES }, description: 'As it is now.' },
      { name: 'from', schema: MOMENT, description: 'Made then or later, as their ids tell.' },
      { name: 'to', schema: MOMENT, description: 'Made before then, as their ids tell.' },
      { name: 'cursor', schema: { type: 'string' }, description: "The former page's cursor." },
      { name: 'limit', schema: { type: 'integer', ...LIMIT }, description: 'Jobs at most.' },
    ],
    success: { status: 200, schema: JobsPageSchema },
    errors: ['endpoint.not_found'],
    answer: (call) => search(context, call),
  },
  {
    method: 'GET',
    path: '/v1/jobs/:job',
    summary: 'A job with its history, in whichever endpoint that the key may use.',
    access: 'key',
    scope: 'read',
    query: [ENDPOINT_PARAMETER],
    success: { status: 200, schema: JobDetailSchema },
    errors: ['endpoint.not_found', 'job.not_found', 'job.expired'],
    answer: async (call) => json(await readJob(context, call)),
  },
];

const search = async ({ store }: JobsContext, call: KeyCall) => {
  const from = momentIn(call, 'from');
  const to = momentIn(call, 'to');
  const cursor = cursorIn(call);
  const end = to === null ? null : earliestUuid(to);
  const page = await searchJobs(store, idsOf(await visibleEndpoints(store, call)), {
    status: choiceIn(call, 'status', STATES),
    worker: workerIn(call),
    priority: choiceIn(call, 'priority', PRIORITIES),
    from: from === null ? null : earliestUuid(from),
    before: cursor !== null && end !== null && end < cursor ? end : (cursor ?? end),
    limit: integerIn(call, 'limit', LIMIT, LIMIT.default),
  });
  return json({ jobs: page.jobs, cursor: page.next === null ? null : toCursor(page.next) });
};

const workerIn = (call: Call): string | null => {
  const text = call.query.worker;
  if (text === undefined) return null;
  if (typeof text === 'string' && parseWorkerId(text) !== undefined) return text;
  throw refuse('request.invalid', `worker must be a worker id; got ${shown(text)}.`);
};

const readJob = async (context: JobsContext, call: KeyCall): Promise<JobDetail> => {
  const { store, statuses, explainer } = context;
  const endpoints = await visibleEndpoints(store, call);
  const jobId = jobIn(call);
  const asked = await findJob(store, idsOf(endpoints), jobId);
  const endpoint = endpoints.find(({ id }) => id === asked?.endpointId);
  if (asked === undefined || endpoint === undefined) {
    const [named] = call.query.endpoint === undefined ? [] : endpoints;
    throw named === undefined ? noSuchJob() : jobMissing(named, jobId);
  }
  const { endpointId } = asked;
  const [status, events, deliveries] = await Promise.all([
    statuses.find(endpoint, jobId),
    readEventsOfJob(store, endpointId, jobId),
    listDeliveries(store, endpointId, uuidOf(jobId), DELIVERIES_MAX),
  ]);
  const waiting = await explainer.explain(endpoint, status);
  const told = groupTries(deliveries).map(withoutSecrets);
  return describeJob({ endpoint, asked, status, waiting, events, deliveries: told });
};

/** Path and query of a webhook may be secret, and so may its answer: those are for `admin`. */
const withoutSecrets = (delivery: ReturnType<typeof groupTries>[number]): JobDelivery => {
  const { url, tries, id, outcome, createdAt, closedAt } = delivery;
  return {
    ...{ id, outcome, createdAt, closedAt },
    target: URL.canParse(url) ? new URL(url).origin : '',
    tries: tries.map(({ responseExcerpt: _, ...rest }) => ({ ...rest, n: rest.n ?? 0 })),
  };
};
