/** What a sequence is drawn from. */
import { REQUEUE_REASONS } from '@switchyard/contracts';
import fc from 'fast-check';
import { WORKER } from '../../store/jobs.ts';
import { STRANGER } from '../acts.ts';
import { liveClaimOf } from '../acts-on.ts';
import { acceptWishes, letPass, SETTINGS } from '../ground.ts';
import { acceptedJob, type Wish } from '../model.ts';
import {
  act,
  type Command,
  claimSome,
  command,
  jobAt,
  type Model,
  type Pick,
  placeOf,
} from './both.ts';

const MINUTE_MS = 60_000;

const anyPick = (among: Pick['among']): fc.Arbitrary<Pick> =>
  fc.record({
    among: fc.oneof(
      { arbitrary: fc.constant(among), weight: 6 },
      { arbitrary: fc.constant('any' as const), weight: 1 },
    ),
    n: fc.nat(30),
  });

const anyWish: fc.Arbitrary<Wish> = fc.record({
  isLow: fc.boolean(),
  ttlMs: fc.constantFrom(60 * MINUTE_MS, 240 * MINUTE_MS),
  executionTimeoutMs: fc.constantFrom(10 * MINUTE_MS, 120 * MINUTE_MS),
  startInMs: fc.option(fc.constantFrom(20 * MINUTE_MS), { freq: 5 }),
  hasWebhook: fc.boolean(),
  hasSecret: fc.boolean(),
});

const accepts = fc.array(anyWish, { minLength: 1, maxLength: 3 }).map((wishes) =>
  command(
    `accept(${JSON.stringify(wishes)})`,
    async (model, { ground, jobIds }) => {
      jobIds.push(...(await acceptWishes(ground, wishes)));
      model.jobs.push(...wishes.map((wish) => acceptedJob(wish, model.nowMs, SETTINGS)));
    },
    false,
  ),
);

/** Times of the model are half a minute or more apart, and no sequence takes that long. */
const passes = fc.constantFrom(1, 5, 10, 15, 30, 60, 120).map((minutes) =>
  command(`pass ${minutes} min`, async (model, { ground, jobIds }) => {
    await letPass(ground, jobIds, minutes * MINUTE_MS);
    model.nowMs += minutes * MINUTE_MS;
  }),
);

const claims = fc
  .record({ seats: fc.integer({ min: 1, max: 4 }), workerId: fc.constantFrom(WORKER, STRANGER) })
  .map(({ seats, workerId }) =>
    command(`claim ${seats} for ${workerId}`, (model, real) =>
      claimSome(model, real, { kind: 'claim', workerId }, seats),
    ),
  );

type Post = {
  readonly pick: Pick;
  readonly of: 'live' | 'late' | 'unnamed';
  readonly by: 'holder' | 'other';
};

const anyPost: fc.Arbitrary<Post> = fc.record({
  pick: anyPick('running'),
  of: fc.constantFrom('live', 'live', 'live', 'late', 'unnamed'),
  by: fc.constantFrom('holder', 'holder', 'holder', 'other'),
});

const postOf = (model: Model, { pick, of, by }: Post) => {
  const place = placeOf(model, pick);
  const job = jobAt(model, place);
  const holder = job.workerId === STRANGER ? STRANGER : WORKER;
  const other = holder === WORKER ? STRANGER : WORKER;
  const live = liveClaimOf(job);
  return {
    place,
    workerId: by === 'holder' ? holder : other,
    claimNo: of === 'unnamed' ? null : of === 'late' ? live - 1 : live,
  };
};

const finishes = fc
  .record({ post: anyPost, status: fc.constantFrom('COMPLETED' as const, 'FAILED' as const) })
  .map(({ post, status }) =>
    command(`finish(${JSON.stringify(post)}, ${status})`, (model, real) => {
      const { place, ...by } = postOf(model, post);
      return act(model, real, { kind: 'finish', status, ...by }, [place]);
    }),
  );

const chunks = anyPost.map((post) =>
  command(`chunk(${JSON.stringify(post)})`, (model, real) => {
    const { place, workerId, claimNo } = postOf(model, post);
    const numbered = claimNo === null ? null : { claimNo, seq: 0 };
    return act(model, real, { kind: 'chunk', workerId, numbered }, [place]);
  }),
);

const losses = fc
  .record({
    pick: anyPick('running'),
    isLate: fc.constantFrom(false, false, false, true),
    reason: fc.constantFrom(...REQUEUE_REASONS),
  })
  .map(({ pick, isLate, reason }) =>
    command(`lose(${JSON.stringify({ pick, isLate })}, ${reason})`, (model, real) => {
      const place = placeOf(model, pick);
      const claimNo = liveClaimOf(jobAt(model, place)) - (isLate ? 1 : 0);
      return act(model, real, { kind: 'lose', claimNo, reason }, [place]);
    }),
  );

const cancels = fc.array(anyPick('queued'), { minLength: 1, maxLength: 2 }).map((picks) =>
  command(`cancel(${JSON.stringify(picks)})`, (model, real) => {
    const places = picks.map((pick) => placeOf(model, pick));
    return act(model, real, { kind: 'cancel' }, [...new Set(places)]);
  }),
);

const retries = anyPick('ended').map((pick) =>
  command(`retry(${JSON.stringify(pick)})`, (model, real) =>
    act(model, real, { kind: 'retry' }, [placeOf(model, pick)]),
  ),
);

const SWEEPS = ['recover', 'expire', 'overrun', 'escalate', 'start', 'retire'] as const;

const sweeps = fc
  .constantFrom(...SWEEPS)
  .map((kind) => command(kind, (model, real) => act(model, real, { kind }, [])));

const purges = fc.constant(
  command('purge', (model, real) => act(model, real, { kind: 'purge' }, [])),
);

/** One entry for each share that a kind of command has of a sequence. */
export const anyCommand: readonly fc.Arbitrary<Command>[] = [
  ...[accepts, accepts, passes, claims, claims, finishes, finishes, chunks, losses, losses],
  ...[cancels, retries, sweeps, sweeps, purges],
];
