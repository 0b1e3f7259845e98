import { jobIdOf, parseJobId, refuse, uuidOf } from '@switchyard/contracts';
import { type DeliveryRow, listDeliveries, type Store } from '@switchyard/store';
import { integerIn, shown } from './parameters.ts';
import { type Call, json, type Route } from './route.ts';

const LIMIT = { minimum: 1, maximum: 1_000, default: 100 };

/** The deliveries of webhooks, with every try. */
export const deliveryRoutes = ({ store }: { readonly store: Store }): Route[] => [
  {
    method: 'GET',
    path: '/v1/endpoints/:endpoint/deliveries',
    summary: 'The newest deliveries of webhooks, with every try.',
    access: 'endpoint',
    scope: 'admin',
    query: [
      { name: 'job', schema: { type: 'string' }, description: 'Only those of this job.' },
      { name: 'limit', schema: { type: 'integer', ...LIMIT }, description: 'Deliveries at most.' },
    ],
    success: { status: 200 },
    answer: async (call) => {
      const limit = integerIn(call, 'limit', LIMIT, LIMIT.default);
      const rows = await listDeliveries(store, call.endpointId, jobUuidIn(call), limit);
      return json({ deliveries: groupTries(rows) });
    },
  },
];

const jobUuidIn = (call: Call): string | null => {
  const text = call.query.job;
  if (text === undefined) return null;
  const jobId = typeof text === 'string' ? parseJobId(text) : undefined;
  if (jobId === undefined)
    throw refuse('request.invalid', `job must be a job id; got ${shown(text)}.`);
  return uuidOf(jobId);
};

/** A row for each try becomes a delivery with its tries; rows of one delivery are neighbours. */
export const groupTries = (rows: readonly DeliveryRow[]) =>
  [...Map.groupBy(rows, (row) => row.delivery_id).values()].flatMap(([first, ...rest]) =>
    first === undefined
      ? []
      : [
          {
            id: first.delivery_id,
            job: jobIdOf(first.job_id),
            url: first.url,
            outcome: first.outcome,
            createdAt: first.created_at.toISOString(),
            closedAt: first.closed_at?.toISOString() ?? null,
            tries: [first, ...rest].filter(({ n }) => n !== null).map(tryIn),
          },
        ],
  );

const tryIn = (row: DeliveryRow) => ({
  n: row.n,
  startedAt: row.started_at?.toISOString() ?? null,
  durationMs: row.duration_ms,
  outcome: row.try_outcome,
  responseStatus: row.response_status,
  responseExcerpt: row.response_excerpt?.toString('utf8') ?? null,
  error: row.error,
});
