import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { STATES, type State } from '@switchyard/contracts';
import { next, sourcesOf, TRIGGERS, type Trigger } from '@switchyard/lifecycle';
import { listStatements, readEventsOfJob, readStatuses } from '@switchyard/store';
import { checkInvariants } from '../support/invariants.ts';
import { withStore } from '../support/store.ts';
import { makeEndpoint } from './jobs.ts';
import { bringInto, MOVES, type Move } from './moves.ts';

const database = await withStore();
const { store, sql } = database;
after(() => database[Symbol.asyncDispose]());

/** The table that a job's row stands in while the job is in a state. */
const TABLES: Readonly<Record<State, string>> = {
  IN_QUEUE: 'queue',
  IN_PROGRESS: 'leases',
  COMPLETED: 'results',
  FAILED: 'results',
  CANCELLED: 'results',
  TIMED_OUT: 'results',
};

/** The statements behind each trigger; together they take rows from all of its sources. */
const STATEMENTS: Readonly<Record<Trigger, readonly string[]>> = {
  claim: ['claim_jobs'],
  handBack: ['requeue_jobs'],
  requeue: ['requeue_jobs'],
  complete: ['finish_jobs'],
  fail: ['finish_jobs', 'requeue_jobs'],
  cancel: ['cancel_jobs', 'purge_delayed', 'purge_queue'],
  expire: ['expire_jobs'],
  overrun: ['end_overdue_jobs'],
  retry: ['retry_job'],
};

/** Jobs before their start time are in the queue as well, in a table of their own. */
const BESIDE: Readonly<Record<string, string>> = { delayed: 'queue' };

/** The statements that take a job from its place without a change of state, and why. */
const QUIET: Readonly<Record<string, string>> = {
  start_delayed: 'the job stays in the queue: its start time has come',
  retire_jobs: 'the job is forgotten',
  empty_results: 'the job is forgotten: its endpoint is gone',
};

/** The places that a statement takes jobs out of. */
const takenFrom = (name: string): string[] => {
  const text = listStatements().find((one) => one.name === name)?.text ?? assert.fail(name);
  const deletes = [...text.matchAll(/delete from (\w+)/g)].map(
    ([, table = '']) => BESIDE[table] ?? table,
  );
  return deletes.filter((table) => Object.values(TABLES).includes(table));
};

describe('the guard of each statement', () => {
  for (const trigger of TRIGGERS) {
    test(`${trigger} takes rows from the places of its sources and from no other`, () => {
      const places = new Set(sourcesOf(trigger).map((state) => TABLES[state]));
      assert.deepEqual(new Set(STATEMENTS[trigger].flatMap(takenFrom)), places);
    });
  }

  test('every statement that takes a job from its place belongs to a trigger', () => {
    const all = new Set(Object.values(STATEMENTS).flat());
    for (const { name } of listStatements()) {
      if (name in QUIET) continue;
      if (takenFrom(name).length > 0) assert(all.has(name), `${name} pulls no trigger`);
    }
  });

  for (const [name, move] of Object.entries<Move>(MOVES)) {
    // A purge is the cancel of what is queued, and of nothing else.
    const sources = name === 'purge' ? ['IN_QUEUE'] : sourcesOf(move.trigger);
    test(`${name} changes a job that is ${sources.join(' or ')} and no other`, async () => {
      for (const state of STATES) {
        const endpointId = await makeEndpoint(store);
        const job = await bringInto(database, endpointId, state);
        const eventsBefore = await readEventsOfJob(store, endpointId, job.jobId);
        await move.prepare?.(sql, job);
        await move.pull(store, job);
        const status = (await readStatuses(store, endpointId, [job.jobId])).get(job.jobId);
        const events = await readEventsOfJob(store, endpointId, job.jobId);
        const isLegal = sources.includes(state);
        assert.equal(status?.state, isLegal ? next(state, move.trigger) : state, state);
        assert.equal(events.length - eventsBefore.length, isLegal ? 1 : 0, `${state}: events`);
      }
    });
  }

  test('leaves no rule broken', async () => {
    assert.deepEqual(await checkInvariants(database.url), []);
  });
});
