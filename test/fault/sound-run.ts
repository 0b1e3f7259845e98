/** A run in which all is well, for tests that break it in one place each. */
import { createHash, createHmac } from 'node:crypto';
import type { Given } from './check/breach.ts';
import type { EventRow, JobRow } from './check/tables.ts';
import type { Operation, WebhookPost } from './history.ts';

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
export const CANARY = `canary${'5a'.repeat(12)}`;
export const TTL = { reason: 'ttl' };
export const CLAIM = { workerId: 'one', claimNo: 1 };

export const eventOf = (
  seq: number,
  event: EventRow['event'],
  atMs: number,
  more = {},
): EventRow => ({
  ...{ job: 'first', seq, event, atMs, place: seq },
  ...{ workerId: undefined, claimNo: undefined, reason: undefined, ...more },
});

export const JOB: JobRow = {
  ...{ id: 'first', endpoint: 'echo', inputSha256: sha256('in'), hasWebhook: true, isLow: false },
  ...{ ttlMs: 60_000, executionTimeoutMs: 10_000, state: 'COMPLETED', workerId: 'one' },
  claimNo: 1,
  outputSha256: sha256('out'),
  events: [
    eventOf(1, 'accepted', 1_000),
    eventOf(2, 'started', 1_100, CLAIM),
    eventOf(3, 'completed', 1_300, CLAIM),
  ],
};

export const SUBMIT: Operation = {
  ...{ kind: 'submit', via: 'http', endpoint: 'echo', key: 'k', inputSha256: sha256('in') },
  ...{ atMs: 990, endedAtMs: 1_010, outcome: 'ok', statusCode: 200, jobId: 'first' },
  ...{ hasWebhook: true, secrets: [CANARY] },
};

export const signed = (atMs: number, more: Partial<WebhookPost> = {}): WebhookPost => {
  const [webhookId, timestamp] = ['hook', String(Math.floor(atMs / 1_000))];
  const body = '{"id":"first","status":"COMPLETED"}';
  const hmac = createHmac('sha256', Buffer.alloc(32, 7)).update(`hook.${timestamp}.${body}`);
  const signature = `v1,${hmac.digest('base64')}`;
  return {
    atMs,
    endpoint: 'echo',
    webhookId,
    timestamp,
    signature,
    body,
    statusCode: 200,
    ...more,
  };
};

export const RUN = {
  ...{ workerId: 'one', endpoint: 'echo', jobId: 'first', atMs: 1_110, inputSha256: sha256('in') },
  ...{ endedAtMs: 1_290, how: 'returned' as const, outputSha256: sha256('out') },
  ...{ answer: 'accepted' as const, secrets: [CANARY] },
};

export const SEEN = JOB.events.map(({ seq, event }) => ({
  ...{ atMs: 1_400 + seq, id: `first-${seq}`, endpoint: 'echo', jobId: 'first' },
  ...{ event, sequence: seq },
}));

export const LOOK: Operation = {
  ...{ kind: 'status', via: 'http', endpoint: 'echo', jobId: 'first', atMs: 2_000 },
  ...{ endedAtMs: 2_010, outcome: 'ok', statusCode: 200, state: 'COMPLETED' },
  ...{ delayTime: 100, executionTime: 200, outputSha256: sha256('out') },
};

const UNHINDERED = { unknowns: 0, unanswered: 0 };

export const SOUND: Given = {
  history: {
    ...{ operations: [SUBMIT, LOOK], runs: [RUN], events: SEEN, faults: [] },
    posts: [signed(1_500, { statusCode: 500 }), signed(11_600)],
    ...{ strays: [], idleSessions: [], censuses: [] },
  },
  ...{ databaseUrl: '', logs: 'all is well', dump: 'rows', webhookSecrets: [SECRET] },
  concurrency: new Map([['one', 1]]),
  jobs: new Map([[JOB.id, JOB]]),
  deliveries: [{ id: 'hook', job: 'first', seq: 3, outcome: 'delivered', ...UNHINDERED }],
  chunks: [0, 1].map((seq) => ({
    ...{ job: 'first', claimNo: 1, seq },
    output: `{"run":"a","chunk":${seq}}`,
  })),
  counts: [{ endpoint: 'echo', completed: 1, failed: 0, retried: 0 }],
  listedClaims: [],
};
