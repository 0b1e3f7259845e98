import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Breach, Given } from './check/breach.ts';
import { checkCalls } from './check/calls.ts';
import { checkChunks } from './check/chunks.ts';
import { checkEnds } from './check/ends.ts';
import { checkEvents } from './check/events.ts';
import { checkInventories } from './check/inventories.ts';
import { checkOrder } from './check/order.ts';
import { checkReach } from './check/reach.ts';
import { checkRuns } from './check/runs.ts';
import { checkSecrets } from './check/secrets.ts';
import { checkSubmissions } from './check/submissions.ts';
import type { EventRow, JobRow } from './check/tables.ts';
import { checkTargets } from './check/targets.ts';
import { checkTimes } from './check/times.ts';
import { checkWebhooks } from './check/webhooks.ts';
import type { Operation } from './history.ts';
import {
  CANARY,
  CLAIM,
  eventOf,
  JOB,
  LOOK,
  RUN,
  SEEN,
  SOUND,
  SUBMIT,
  sha256,
  signed,
  TTL,
} from './sound-run.ts';

const CHECKS = [
  ...[checkSubmissions, checkEnds, checkRuns, checkChunks, checkTimes, checkOrder, checkEvents],
  ...[checkWebhooks, checkCalls, checkSecrets, checkInventories, checkTargets, checkReach],
];

const checkAll = (given: Given): Breach[] => CHECKS.flatMap((check) => check(given));

const withHistory = (history: Partial<Given['history']>): Given => ({
  ...SOUND,
  history: { ...SOUND.history, ...history },
});
const withOperations = (...more: readonly Partial<Operation>[]): Given =>
  withHistory({ operations: [SUBMIT, LOOK, ...more.map((one) => ({ ...LOOK, ...one }))] });
const withJobs = (...jobs: readonly Partial<JobRow>[]): Given => ({
  ...SOUND,
  jobs: new Map(jobs.map((job) => [job.id ?? JOB.id, { ...JOB, ...job }])),
});
const another = (id: string, events: readonly EventRow[], more = {}): Partial<JobRow> => ({
  ...{ id, inputSha256: sha256(id), hasWebhook: false, ...more },
  events: events.map((event) => ({ ...event, job: id })),
});
const waiting = [eventOf(1, 'accepted', 1_000), eventOf(2, 'started', 9_000, CLAIM)];
const jumping = [eventOf(1, 'accepted', 4_000), eventOf(2, 'started', 5_000, CLAIM)];

/** What must never be, and the rule that has to tell it. */
const BREACHES: readonly (readonly [rule: string, given: Given])[] = [
  ['an acknowledged job is there', { ...SOUND, jobs: new Map() }],
  ['an input is the bytes that were sent', withJobs({ inputSha256: sha256('other') })],
  ['a job is of the endpoint and has the webhook', withJobs({ hasWebhook: false })],
  [
    'one idempotency key names one job',
    withHistory({ operations: [SUBMIT, { ...SUBMIT, jobId: 'second' }] }),
  ],
  [
    'a job is named by one idempotency key',
    withHistory({ operations: [SUBMIT, { ...SUBMIT, key: 'other' }] }),
  ],
  ['every job was submitted', withJobs({}, another('second', JOB.events))],
  ['what was refused is not there', withHistory({ operations: [{ ...SUBMIT, outcome: 'fail' }] })],
  ['a submission makes one job', withJobs({}, { id: 'second' })],
  [
    'what the broker has stored becomes a job',
    withHistory({
      operations: [
        SUBMIT,
        {
          ...{ kind: 'submit', via: 'broker', endpoint: 'echo', key: 'm', outcome: 'ok' },
          ...{ atMs: 1, endedAtMs: 2, inputSha256: sha256('gone') },
        },
      ],
    }),
  ],
  ['every job ends', withJobs({ state: undefined })],
  [
    'only a retry follows an end',
    withJobs({ events: [...JOB.events, eventOf(4, 'failed', 1_400)] }),
  ],
  [
    'a job has one end, and one more for each retry',
    withJobs({ events: [...JOB.events, eventOf(4, 'failed', 1_400)] }),
  ],
  ['ends are counted once', { ...SOUND, counts: [{ ...SOUND.counts[0], completed: 2 } as never] }],
  ['a state that was told is in the events', withOperations({ state: 'FAILED' })],
  ['an end that was told is not taken back', withOperations({ atMs: 3_000, state: 'IN_PROGRESS' })],
  ['an output that was told is the one that is kept', withOperations({ outputSha256: 'x' })],
  ['delayTime and executionTime are whole', withOperations({ delayTime: -1 })],
  ['a job is retried when a client says so', withOperations({ kind: 'retry', state: 'IN_QUEUE' })],
  ['a cancel that was told has cancelled', withOperations({ kind: 'cancel', state: 'CANCELLED' })],
  [
    'a purge leaves what runs',
    withJobs({
      events: [...JOB.events.slice(0, 2), eventOf(3, 'cancelled', 1_300, { reason: 'purge' })],
    }),
  ],
  ['a purge tells how many it removed', withOperations({ kind: 'purge', removed: 1 })],
  ['what runs is a job', withHistory({ runs: [RUN, { ...RUN, jobId: 'second' }] })],
  ['a worker gets the bytes that were sent', withHistory({ runs: [{ ...RUN, inputSha256: 'x' }] })],
  ['a worker runs a job once for each claim', withHistory({ runs: [RUN, RUN] })],
  [
    'the output that is kept is what its worker gave',
    withHistory({ runs: [{ ...RUN, outputSha256: 'x' }] }),
  ],
  ['a result counts when its worker is told so', withHistory({ runs: [RUN, RUN] })],
  [
    'a result counts when its worker is told so',
    withHistory({ runs: [{ ...RUN, answer: 'refused' }] }),
  ],
  [
    'the output that is kept is what its worker gave',
    withHistory({ runs: [{ ...RUN, claimNo: 2 }] }),
  ],
  [
    'a worker that is there keeps its job',
    {
      ...withJobs({
        events: [
          ...JOB.events.slice(0, 2),
          eventOf(3, 'requeued', 1_200, { ...CLAIM, reason: 'worker_lost' }),
        ],
      }),
      history: { ...SOUND.history, runs: [{ ...RUN, answer: 'refused' }] },
    },
  ],
  [
    'a result is heard while nothing is broken',
    withHistory({ runs: [{ ...RUN, answer: 'none' }] }),
  ],
  ['a worker gets the s3Config of its job', withHistory({ runs: [{ ...RUN, secrets: ['x'] }] })],
  ['a worker has no more jobs than room', withHistory({ runs: [RUN, { ...RUN, atMs: 1_200 }] })],
  [
    'the chunks of a claim are of one run',
    { ...SOUND, chunks: SOUND.chunks.map((one) => ({ ...one, output: `{"run":${one.seq}}` })) },
  ],
  ['the chunks of a claim are whole and in order', { ...SOUND, chunks: SOUND.chunks.slice(1) }],
  ['no job starts after its deadline', withJobs({ ttlMs: 50 })],
  ['no job runs on after its executionTimeout', withJobs({ executionTimeoutMs: -10_000 })],
  [
    'no ttl ends before its time',
    withJobs({ events: [eventOf(1, 'accepted', 1_000), eventOf(2, 'timed_out', 1_500, TTL)] }),
  ],
  [
    'the events of a job follow one another in time',
    withJobs({ events: [eventOf(1, 'accepted', 90_000), ...JOB.events.slice(1)] }),
  ],
  ['a job that has ended is not run', withHistory({ runs: [{ ...RUN, atMs: 20_000 }] })],
  [
    'a low job waits while a high one does',
    {
      ...withJobs(another('second', waiting), another('third', jumping, { isLow: true })),
      history: {
        ...SOUND.history,
        operations: [SUBMIT, { ...SUBMIT, jobId: 'second' }],
      },
    },
  ],
  [
    'a job escalates once',
    withJobs({ events: [1, 2, 3].map((seq) => eventOf(seq, 'escalated', 1_000)) }),
  ],
  ['every event comes to a consumer', withHistory({ events: SEEN.slice(1) })],
  [
    'an event that comes is in the log',
    withHistory({ events: SEEN.map((one) => ({ ...one, sequence: one.sequence + 1 })) }),
  ],
  [
    'an event comes after it happened',
    withHistory({ events: SEEN.map((one) => ({ ...one, atMs: 1_200 })) }),
  ],
  [
    'an event id names one event',
    withHistory({ events: SEEN.map((one) => ({ ...one, id: 'x' })) }),
  ],
  [
    'an event has one id',
    withHistory({ events: [...SEEN, ...SEEN.map((one) => ({ ...one, id: `${one.id}!` }))] }),
  ],
  ['the events of a job come in their order', withHistory({ events: SEEN.toReversed() })],
  [
    'a webhook tells an end that is so',
    withHistory({ posts: [signed(1_500, { body: '{"id":"first","status":"FAILED"}' })] }),
  ],
  ['a webhook comes after the end that it tells', withHistory({ posts: [signed(1_200)] })],
  ['what counts as delivered came', withHistory({ posts: [] })],
  [
    'every delivery is closed in the end',
    { ...SOUND, deliveries: SOUND.deliveries.map((one) => ({ ...one, outcome: undefined })) },
  ],
  [
    'a delivery is tried six times at most',
    withHistory({
      posts: [1, 2, 3, 4, 5, 6, 7].map((n) => signed(n * 11_000, { statusCode: 500 })),
    }),
  ],
  [
    'known tries are ten seconds apart',
    withHistory({ posts: [signed(1_500, { statusCode: 500 }), signed(9_000)] }),
  ],
  [
    'a webhook that came through is not sent again',
    withHistory({ posts: [signed(1_500), signed(12_000)] }),
  ],
  ['a webhook is signed', withHistory({ posts: [signed(1_500, { signature: 'v1,x' })] })],
  [
    'a webhook tells when it was sent',
    withHistory({ posts: [signed(1_500, { timestamp: '999' })] }),
  ],
  ['a failure of ours is a 503 with Retry-After', withOperations({ statusCode: 500 })],
  [
    'nothing fails while nothing is broken',
    withOperations({ statusCode: 503, hasRetryAfter: true }),
  ],
  [
    'no request is left without an answer',
    withHistory({
      operations: [SUBMIT, { ...LOOK, outcome: 'unknown', statusCode: undefined } as never],
    }),
  ],
  ['no process dies of what nobody caught', { ...SOUND, logs: '{"level":"fatal"}' }],
  ['an s3Config stands nowhere but where it is sealed', { ...SOUND, logs: CANARY }],
  [
    'an s3Config stands nowhere but where it is sealed',
    { ...SOUND, dump: Buffer.from(CANARY).toString('base64') },
  ],
  [
    'a job is not given again to a worker that still lists it',
    { ...SOUND, listedClaims: [{ job: 'first', workerId: 'one', claimNo: 2 }] },
  ],
  [
    'no webhook comes to an address that it is kept from',
    withHistory({ strays: [{ atMs: 1_000, address: '127.0.0.2' }] }),
  ],
  [
    'a key is told of no job that is not of its endpoints',
    withOperations({ kind: 'trespass', reach: 'other', shown: ['first'] }),
  ],
];

test('a run in which all is well breaks no rule', () => {
  assert.deepEqual(checkAll(SOUND), []);
});

test('a key may be told of the jobs of its endpoint, and hear that there is none', () => {
  const own = { kind: 'trespass' as const, reach: 'echo', shown: ['first'] };
  const refused = { ...own, reach: 'other', outcome: 'fail' as const, statusCode: 404 };
  assert.deepEqual(checkAll(withOperations(own, refused)), []);
});

test('a job that failed long ago and was retried may be run', () => {
  const retried = [
    eventOf(1, 'accepted', 1_000),
    eventOf(2, 'started', 1_100, CLAIM),
    eventOf(3, 'failed', 1_300, CLAIM),
    eventOf(4, 'retried', 30_000),
    eventOf(5, 'started', 30_100, { ...CLAIM, claimNo: 2 }),
  ];
  const given = {
    ...withJobs({ events: retried }),
    history: { ...SOUND.history, runs: [{ ...RUN, atMs: 30_110, endedAtMs: 30_200 }] },
  };
  const rules = checkAll(given).map(({ rule }) => rule);
  assert(!rules.includes('a job that has ended is not run'));
});

test('a post that is on its way when something breaks may stay unheard', () => {
  const fault = { kind: 'kill', target: 'supervisor', atMs: 1_300, endedAtMs: 1_350 };
  const unheard = { ...RUN, answer: 'none' as const, answeredAtMs: 1_310 };
  const given = withHistory({ runs: [unheard], faults: [fault] });
  const rules = checkAll(given).map(({ rule }) => rule);
  assert(!rules.includes('a result is heard while nothing is broken'));
});

test('a webhook whose answer was cut off may be sent again', () => {
  const twice = withHistory({ posts: [signed(1_500), signed(12_000)] });
  const deliveries = SOUND.deliveries.map((one) => ({ ...one, unanswered: 1 }));
  assert.deepEqual(checkAll({ ...twice, deliveries }), []);
});

for (const [rule, given] of BREACHES) {
  test(`it is told when it is not so that ${rule}`, () => {
    const told = checkAll(given).map((breach) => breach.rule);
    assert(
      told.some((one) => one.startsWith(rule)),
      `only: ${told.join(', ')}`,
    );
  });
}
