import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { type EndpointId, type JobId, type State, uuidOf } from '@switchyard/contracts';
import { isTerminal, RANK, sourcesOf } from '@switchyard/lifecycle';
import { cancelJobs, readHealth, readStatuses } from '@switchyard/store';
import { checkInvariants } from '../support/invariants.ts';
import { withStore } from '../support/store.ts';
import { accept, acceptOne, claim, finish, makeEndpoint, PROCESS } from './jobs.ts';
import { bringInto, MOVES, type Move, type MoveName, QUIET_MOVES, type Subject } from './moves.ts';

const RACES = 200;

/** The moves that can meet at a job in each state. */
const MEETINGS: readonly (readonly [State, readonly MoveName[]])[] = [
  ['IN_QUEUE', ['claim', 'cancel', 'expire', 'purge', 'complete', 'requeue', 'retry']],
  ['IN_PROGRESS', ['complete', 'fail', 'cancel', 'overrun', 'requeue', 'handBack', 'purge']],
  ['FAILED', ['retry', 'cancel', 'complete', 'requeue', 'purge']],
];

/** The pairs of which at least one can move a job in this state. */
const pairsOf = (state: State, names: readonly MoveName[]) =>
  names
    .flatMap((one, index) => names.slice(index).map((other) => [one, other] as const))
    .filter((pair) => pair.some((name) => sourcesOf(MOVES[name].trigger).includes(state)));

const database = await withStore();
const { store, sql, url } = database;
const sessions = [database.another(), database.another()] as const;
after(() => database[Symbol.asyncDispose]());

/** Brings RACES jobs of one endpoint into `state`, in few statements. */
const lineUp = async (endpointId: EndpointId, state: State): Promise<Subject[]> => {
  const job = { webhook: 'https://example.com/hook', secret: Buffer.from('sealed') };
  const ids = await accept(store, endpointId, ...Array<object>(RACES).fill(job));
  // The claim that is to come is the one that results and losses of it are about.
  if (state === 'IN_QUEUE') return ids.map((jobId) => ({ endpointId, jobId, claimNo: 1 }));
  const claimed = await claim(store, endpointId, RACES);
  if (state === 'FAILED') for (const one of claimed) await finish(store, endpointId, one, 'FAILED');
  return claimed.map(({ jobId, claimNo }) => ({ endpointId, jobId, claimNo }));
};

/**
 * Spreads the deadlines over the time that the races take, so that a claim can win over an expiry
 * as well as lose.
 */
const spreadDeadlines = (jobs: readonly Subject[]): Promise<object[]> =>
  sql(
    `update queue set deadline_at = statement_timestamp() + array_position($1::uuid[], job_id)
      * interval '2 ms' where job_id = any($1::uuid[])`,
    [jobs.map(({ jobId }) => uuidOf(jobId))],
  );

/**
 * The jobs of the races, each as its race begins. A purge and the sweep of overdue jobs would take
 * all of them in the first race, so theirs are made, or made due, one by one.
 */
const subjects = async function* (
  endpointId: EndpointId,
  state: State,
  names: readonly MoveName[],
): AsyncGenerator<Subject> {
  if (state === 'IN_QUEUE' && names.includes('purge')) {
    for (let n = 0; n < RACES; n += 1) {
      const job = { ...(await bringInto(database, endpointId, state)), claimNo: 1 };
      if (names.includes('expire')) await spreadDeadlines([job]);
      yield job;
    }
    return;
  }
  const jobs = await lineUp(endpointId, state);
  if (names.includes('expire')) await spreadDeadlines(jobs);
  for (const job of jobs) {
    if (names.includes('overrun')) await MOVES.overrun.prepare(sql, job);
    yield job;
  }
};

/** Who starts first changes from race to race, so that each of the two comes first at times. */
const race = async (pair: readonly [Move, Move], job: Subject, n: number): Promise<void> => {
  const [first, second] = n % 2 === 0 ? pair : [pair[1], pair[0]];
  await Promise.all([first.pull(sessions[0], job), second.pull(sessions[1], job)]);
};

const endAll = async (endpointId: EndpointId, ids: readonly JobId[]): Promise<void> => {
  await cancelJobs(store, endpointId, PROCESS, ids);
  const found = await readStatuses(store, endpointId, ids);
  assert.equal(found.size, RACES);
  for (const { jobId, state } of found.values()) assert(isTerminal(state), `${jobId} is ${state}`);
};

for (const [state, names] of MEETINGS) {
  describe(`${RACES} jobs that are ${state}`, () => {
    for (const [one, other] of pairsOf(state, names)) {
      test(`stay whole between ${one} and ${other}`, async () => {
        const endpointId = await makeEndpoint(store);
        const ids: JobId[] = [];
        for await (const job of subjects(endpointId, state, [one, other])) {
          await race([MOVES[one], MOVES[other]], job, ids.length);
          ids.push(job.jobId);
        }
        await endAll(endpointId, ids);
        const { jobs: counts } = await readHealth(store, endpointId);
        assert.deepEqual([counts.inQueue, counts.inProgress], [0, 0]);
      });
    }

    test('leave no rule broken', async () => {
      assert.deepEqual(await checkInvariants(url), []);
    });
  });
}

describe(`${RACES} low jobs whose time has come`, () => {
  const TIMES = [
    ['escalate', { rank: RANK.low }],
    ['start', { startAtMs: Date.now() + 3_600_000 }],
  ] as const;
  for (const [quiet, job] of TIMES) {
    for (const name of ['claim', 'cancel', 'expire', 'purge'] as const) {
      test(`are escaped by none between ${quiet} and ${name}`, async () => {
        const endpointId = await makeEndpoint(store);
        const ids: JobId[] = [];
        for (let n = 0; n < RACES; n += 1) {
          const jobId = await acceptOne(store, endpointId, job);
          const subject = { endpointId, jobId, claimNo: 1 };
          const move: Move = MOVES[name];
          if (name === 'expire') await move.prepare?.(sql, subject);
          await QUIET_MOVES[quiet].prepare(sql, subject);
          await race([{ ...move, pull: QUIET_MOVES[quiet].pull }, move], subject, n);
          ids.push(jobId);
        }
        const found = await readStatuses(store, endpointId, ids);
        const states = [...found.values()].map(({ state }) => state);
        // A purge means what was queued when it began, wherever it lies by the time it gets there.
        if (name === 'purge') assert(states.every((state) => state === 'CANCELLED'));
        await endAll(endpointId, ids);
      });
    }
  }

  test('leave no rule broken', async () => {
    assert.deepEqual(await checkInvariants(url), []);
  });
});

test('a storm of all moves over the same jobs leaves no rule broken', async () => {
  const endpointId = await makeEndpoint(store, { limits: { maxAttempts: 100 } });
  const jobs = await lineUp(endpointId, 'IN_QUEUE');
  const moves = Object.values<Move>(MOVES).filter(({ prepare }) => prepare === undefined);
  const wander = async (from: number): Promise<void> => {
    for (let n = 0; n < 300; n += 1) {
      const job = jobs[(from * 31 + n * 7) % jobs.length];
      const move = moves[(from + n * 3) % moves.length];
      const session = sessions[n % 2];
      const claimNo = 1 + (n % 3);
      if (job && move && session) await move.pull(session, { ...job, claimNo });
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, from) => wander(from)));
  assert.deepEqual(await checkInvariants(url), []);
});
