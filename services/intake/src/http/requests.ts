import {
  jobIdOf,
  parseJobId,
  RequestsPageSchema,
  refuse,
  STATES,
  uuidOf,
} from '@switchyard/contracts';
import { listRequests, type Store } from '@switchyard/store';
import { choiceIn, integerIn } from './parameters.ts';
import { type Call, json, type Route } from './route.ts';

const LIMIT = { minimum: 1, maximum: 1_000, default: 100 };

/** `/requests`. */
export const requestsRoutes = ({ store }: { readonly store: Store }): Route[] => [
  {
    method: 'GET',
    path: '/v2/:endpoint/requests',
    summary: 'A page of jobs, newest first, without payloads.',
    access: 'endpoint',
    scope: 'read',
    query: [
      { name: 'status', schema: { enum: STATES }, description: 'Only jobs in this state.' },
      { name: 'cursor', schema: { type: 'string' }, description: "The former page's cursor." },
      { name: 'limit', schema: { type: 'integer', ...LIMIT }, description: 'Jobs on the page.' },
    ],
    success: { status: 200, schema: RequestsPageSchema },
    answer: async (call) => {
      const page = await listRequests(store, call.endpointId, {
        status: choiceIn(call, 'status', STATES),
        after: cursorIn(call),
        limit: integerIn(call, 'limit', LIMIT, LIMIT.default),
      });
      return json({ ...page, cursor: page.cursor && toCursor(page.cursor) });
    },
  },
];

const toCursor = (uuid: string): string =>
  Buffer.from(uuid.replaceAll('-', ''), 'hex').toString('base64url');

/** The UUID that the cursor stands for. @throws Refusal for what is none of ours. */
const cursorIn = (call: Call): string | null => {
  const text = call.query.cursor;
  if (text === undefined) return null;
  const hex = typeof text === 'string' ? Buffer.from(text, 'base64url').toString('hex') : '';
  const uuid = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  if (uuid.length === 36 && toCursor(uuid) === text) {
    const jobId = parseJobId(jobIdOf(uuid));
    if (jobId !== undefined) return uuidOf(jobId);
  }
  throw refuse('request.invalid', 'cursor must be the one that the former page gave.');
};
