/** What the figures have to reach, as ratios of readings of one run. */

/** One figure of one subject. */
export type Mark = {
  readonly measure: string;
  readonly subject: string;
  readonly figure: string;
};

export type Target = {
  readonly name: string;
  readonly ours: Mark;
  /** Ours is held against the best of them; without any, against nothing: a bare figure. */
  readonly others: readonly Mark[];
  readonly better: 'more' | 'less';
  readonly bound: number;
  readonly aim?: number;
};

const mark = (measure: string, subject: string, figure: string): Mark => ({
  measure,
  subject,
  figure,
});
const ofAll = (measure: string, figure: string, ...subjects: readonly string[]): Mark[] =>
  subjects.map((subject) => mark(measure, subject, figure));

const OURS = 'switchyard';
const REFERENCE = 'reference';
const POSTGRES_PEERS = ['pg-boss', 'graphile-worker'] as const;
const ALL_PEERS = [...POSTGRES_PEERS, 'bullmq everysec', 'bullmq always'] as const;

/** Ours at least `bound` times as much as the best of `others`. */
const atLeast = (
  name: string,
  measure: string,
  figure: string,
  others: readonly string[],
  [bound, aim]: readonly [number, number],
): Target => ({
  name,
  ours: mark(measure, OURS, figure),
  others: ofAll(measure, figure, ...others),
  better: 'more',
  bound,
  aim,
});

/** `subject` at most `bound` times `other` in the same measure. */
const atMost = (
  name: string,
  ours: Mark,
  other: Mark,
  [bound, aim]: readonly [number, number?],
): Target => ({
  name,
  ours,
  others: [other],
  better: 'less',
  bound,
  ...(aim === undefined ? {} : { aim }),
});

/** Well below what was measured, since CI's machines are noisy: it fails for a blunder only. */
const GUARD_BOUND = 0.15;

const againstPeers: readonly Target[] = [
  {
    name: 'guard, of the reference',
    ours: mark('guard', OURS, 'jobsPerSecond'),
    others: ofAll('guard', 'jobsPerSecond', REFERENCE),
    better: 'more',
    bound: GUARD_BOUND,
  },
  atLeast(
    'HTTP accept, of the reference',
    'http-accept',
    'acceptsPerSecond',
    [REFERENCE],
    [0.75, 0.9],
  ),
  atLeast(
    'HTTP accept, of Postgres peers',
    'http-accept',
    'acceptsPerSecond',
    POSTGRES_PEERS,
    [8, 10],
  ),
  atLeast('end to end, of the reference', 'end-to-end', 'jobsPerSecond', [REFERENCE], [0.55, 0.8]),
  atLeast('end to end, of Postgres peers', 'end-to-end', 'jobsPerSecond', POSTGRES_PEERS, [5, 8]),
  atLeast(
    'end to end, of BullMQ everysec',
    'end-to-end',
    'jobsPerSecond',
    ['bullmq everysec'],
    [1.3, 2],
  ),
  atLeast('drain, of peers', 'drain', 'jobsPerSecond', ALL_PEERS, [1.1, 1.4]),
  atLeast('bulk in, all done, of peers', 'bulk-done', 'jobsPerSecond', ALL_PEERS, [1.3, 2]),
  atLeast('bulk submission, of peers', 'bulk-submission', 'jobsPerSecond', ALL_PEERS, [1, 1.2]),
];

const latency = (figure: string): Mark => mark('start-latency', OURS, figure);
const graphile = (figure: string): Mark => mark('start-latency', 'graphile-worker', figure);
const latencies: readonly Target[] = [
  atMost('start latency p50, of graphile', latency('p50Ms'), graphile('p50Ms'), [1.2, 1]),
  atMost('start latency p99, of graphile', latency('p99Ms'), graphile('p99Ms'), [2]),
  atMost(
    'runsync p50, of start latency',
    mark('runsync', '1 in flight', 'p50Ms'),
    latency('p50Ms'),
    [2, 1.5],
  ),
];

const SMALL = '1,000 waiting';
const LARGE = '1,000,000 waiting';
const backlogged = (figure: string, bounds: readonly [number, number]): Target =>
  atMost(
    `backlog ${figure}`,
    mark('backlog', LARGE, figure),
    mark('backlog', SMALL, figure),
    bounds,
  );

const HELD = 'transaction held';
const NOT_HELD = 'no transaction held';
const situations: readonly Target[] = [
  backlogged('startP50Ms', [1.2, 1.05]),
  backlogged('turnaroundP50Ms', [1.2, 1.05]),
  backlogged('claimOneP50Ms', [1.2, 1.05]),
  backlogged('claimHundredP50Ms', [1.8, 1.35]),
  backlogged('healthP99Ms', [1.5, 1.1]),
  backlogged('statusP99Ms', [1.5, 1.1]),
  {
    name: 'held transaction, throughput',
    ours: mark('held-transaction', HELD, 'jobsPerSecond'),
    others: [mark('held-transaction', NOT_HELD, 'jobsPerSecond')],
    better: 'more',
    bound: 0.8,
    aim: 0.95,
  },
  atMost(
    'held transaction, claim p99',
    mark('held-transaction', HELD, 'claimP99Ms'),
    mark('held-transaction', NOT_HELD, 'claimP99Ms'),
    [2, 1.2],
  ),
  {
    name: 'webhooks on, throughput',
    ours: mark('webhooks', 'webhooks on', 'jobsPerSecond'),
    others: [mark('webhooks', 'webhooks off', 'jobsPerSecond')],
    better: 'more',
    bound: 0.7,
    aim: 0.85,
  },
  {
    name: 'guards, throughput of without',
    ours: mark('guards', 'with guards', 'jobsPerSecond'),
    others: [mark('guards', 'without guards', 'jobsPerSecond')],
    better: 'more',
    bound: 0.9,
  },
  ...['intake', 'scheduler', 'supervisorHttp', 'supervisorKeeper', 'notifier'].map(
    (service): Target => ({
      name: `memory growth of ${service}, MB`,
      ours: mark('memory-growth', OURS, `${service}GrowthMb`),
      others: [],
      better: 'less',
      bound: 5,
    }),
  ),
];

/** Every target, in the order of the table. */
export const TARGETS: readonly Target[] = [...againstPeers, ...latencies, ...situations];
