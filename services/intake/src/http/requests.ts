import { RequestsPageSchema, STATES } from '@switchyard/contracts';
import { listRequests, type Store } from '@switchyard/store';
import { cursorIn, toCursor } from './cursors.ts';
import { choiceIn, integerIn } from './parameters.ts';
import { json, type Route } from './route.ts';

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
