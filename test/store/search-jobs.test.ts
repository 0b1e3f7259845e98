import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { type EndpointId, uuidOf } from '@switchyard/contracts';
import {
  cancelJobs,
  findJob,
  type JobSearch,
  listStatements,
  listSupervisors,
  listWorkers,
  searchJobs,
} from '@switchyard/store';
import { withStore } from '../support/store.ts';
import { accept, acceptOne, claim, claimOne, finish, makeEndpoint, PROCESS } from './jobs.ts';

const database = await withStore();
after(() => database[Symbol.asyncDispose]());
const { store, sql } = database;

const search = (endpoints: readonly EndpointId[], asked: Partial<JobSearch> = {}) =>
  searchJobs(store, endpoints, {
    ...{ status: null, worker: null, priority: null, from: null, before: null, limit: 100 },
    ...asked,
  });

/** Follows the pages to their end. @returns the ids, and how many pages there were. */
const searchAll = async (endpoints: readonly EndpointId[], asked: Partial<JobSearch>) => {
  const ids: string[] = [];
  let pages = 0;
  for (let before: string | null = null; ; ) {
    const page = await search(endpoints, { ...asked, before });
    ids.push(...page.jobs.map(({ id }) => id));
    pages += 1;
    if (page.next === null) return { ids, pages };
    before = page.next;
  }
};

const newestFirst = (ids: readonly string[]): string[] => [...ids].sort().reverse();

test('jobs of several endpoints come newest first, page by page, each once', async () => {
  const endpoints = [
    await makeEndpoint(store),
    await makeEndpoint(store),
    await makeEndpoint(store),
  ];
  const hidden = await makeEndpoint(store);
  const made: string[] = [];
  for (let turn = 0; turn < 7; turn += 1) {
    for (const [at, endpointId] of endpoints.entries()) {
      made.push(
        ...(await accept(store, endpointId, ...Array(turn % 2 === 0 ? at + 1 : 1).fill({}))),
      );
    }
    await acceptOne(store, hidden);
  }
  for (const limit of [1, 2, 5, 100]) {
    const { ids } = await searchAll(endpoints, { limit });
    assert.deepEqual(ids, newestFirst(made), `limit ${limit}`);
  }
  assert.deepEqual(await search([]), { jobs: [], next: null });
});

test('each state is found where it lies', async () => {
  const endpointId = await makeEndpoint(store);
  const [first] = await accept(store, endpointId, {});
  const completed = await claimOne(store, endpointId);
  await finish(store, endpointId, completed);
  await acceptOne(store, endpointId);
  const failed = await claimOne(store, endpointId, 'worker-2');
  await finish(store, endpointId, failed, 'FAILED');
  await acceptOne(store, endpointId);
  const running = await claimOne(store, endpointId);
  const cancelled = await acceptOne(store, endpointId);
  await cancelJobs(store, endpointId, PROCESS, [cancelled]);
  const queued = await acceptOne(store, endpointId, { rank: 3 });
  const found = async (asked: Partial<JobSearch>) =>
    (await search([endpointId], asked)).jobs.map(({ id, status }) => [id, status]);
  assert.deepEqual(await found({ status: 'COMPLETED' }), [[first, 'COMPLETED']]);
  assert.deepEqual(await found({ status: 'FAILED' }), [[failed.jobId, 'FAILED']]);
  assert.deepEqual(await found({ status: 'IN_PROGRESS' }), [[running.jobId, 'IN_PROGRESS']]);
  assert.deepEqual(await found({ status: 'CANCELLED' }), [[cancelled, 'CANCELLED']]);
  assert.deepEqual(await found({ status: 'IN_QUEUE' }), [[queued, 'IN_QUEUE']]);
  assert.deepEqual(await found({ status: 'TIMED_OUT' }), []);
  assert.deepEqual(await found({ worker: 'worker-2' }), [[failed.jobId, 'FAILED']]);
  assert.deepEqual(await found({ priority: 'low' }), [[queued, 'IN_QUEUE']]);
  assert.equal((await found({ priority: 'high' })).length, 4);
  const bounds = { from: uuidOf(failed.jobId), before: uuidOf(cancelled) };
  assert.deepEqual(
    (await found(bounds)).map(([id]) => id),
    [running.jobId, failed.jobId],
  );
});

test('a filter without an index goes on page by page, and finds what is rare', async () => {
  const endpoints = [await makeEndpoint(store), await makeEndpoint(store)];
  const rare: string[] = [];
  for (const endpointId of endpoints) {
    await acceptOne(store, endpointId);
    rare.push((await claimOne(store, endpointId, 'rare')).jobId);
  }
  const [busy] = endpoints;
  await sql(
    `insert into jobs (endpoint_id, job_id, input, execution_timeout_ms, ttl_ms, low_priority,
      created_at)
    select $1, ('ffffff00-0000-7000-8000-' || lpad(to_hex(n * 2), 12, '0'))::uuid, '{}', 600000,
      86400000, false, now() from generate_series(1, 12000) as n`,
    [busy],
  );
  await sql(
    `insert into results (endpoint_id, job_id, status, claim_no, attempts, rank, event_seq,
      worker_id, delay_ms, execution_ms, finished_at)
    select endpoint_id, job_id, 'COMPLETED', 1, 1, 1, 3, 'usual', 0, 0, now()
    from jobs where endpoint_id = $1 and job_id > 'ffffff00-0000-7000-8000-000000000000'`,
    [busy],
  );
  const { ids, pages } = await searchAll(endpoints, { worker: 'rare', limit: 10 });
  assert.deepEqual(ids, newestFirst(rare));
  assert.ok(pages >= 4 && pages <= 6, `${pages} pages over 12,002 jobs`);
});

test('a rare end among many completed jobs is found by reading it alone', async () => {
  const endpointId = await makeEndpoint(store);
  await sql(
    `insert into results (endpoint_id, job_id, status, claim_no, attempts, rank, event_seq,
      finished_at)
    select $1, ('00000001-0000-7000-8000-' || lpad(to_hex(n * 2), 12, '0'))::uuid,
      case when n = 1 then 'FAILED' else 'COMPLETED' end, 1, 1, 1, 3, now()
    from generate_series(1, 20000) as n`,
    [endpointId],
  );
  const text = listStatements().find(({ name }) => name === 'search_jobs_failed')?.text ?? '';
  const values = `array['${endpointId}'], 'ffffffff-ffff-ffff-ffff-ffffffffffff',
    '00000000-0000-0000-0000-000000000000', null, null, 101, 101`;
  const lines = await store.inTransaction('pinned', async (run) => {
    await run({ name: '', text: `prepare searched as ${text}` }, []);
    await run({ name: '', text: `execute searched (${values})` }, []);
    const look = `explain (analyze, buffers, format json) execute searched (${values})`;
    return run<{ 'QUERY PLAN': [{ Plan: { 'Shared Hit Blocks': number } }] }>(
      { name: '', text: look },
      [],
    );
  });
  const blocks = lines[0]?.['QUERY PLAN'][0].Plan['Shared Hit Blocks'] ?? Number.NaN;
  assert.ok(blocks < 50, `${blocks} blocks`);
});

test('a job is found in whichever of the endpoints has it', async () => {
  const endpoints = [await makeEndpoint(store), await makeEndpoint(store)];
  const [one, other] = endpoints;
  assert.ok(one !== undefined && other !== undefined);
  const jobId = await acceptOne(store, other, { ttlMs: 12_345, rank: 3 });
  const found = await findJob(store, endpoints, jobId);
  assert.deepEqual(found, {
    ...{ endpointId: other, executionTimeoutMs: 600_000, ttlMs: 12_345 },
    ...{ lowPriority: true, inputBytes: 7 },
  });
  assert.equal(await findJob(store, [one], jobId), undefined);
  assert.equal(await findJob(store, [], jobId), undefined);
});

test('workers are listed with their jobs, and are lost when they are silent', async () => {
  const endpointId = await makeEndpoint(store);
  await sql(
    `insert into workers (endpoint_id, worker_id, instance, state, slots, seen_at) values
      ($1, 'idle', 's-1', 'live', 2, now()), ($1, 'busy', 's-1', 'draining', 2, now()),
      ($1, 'silent', 's-2', 'live', 1, now() - interval '31 seconds')`,
    [endpointId],
  );
  await sql(`insert into supervisors (instance, host, pid, last_beat_at) values
    ('s-1', 'here', 1, now()), ('s-2', 'there', 2, now() - interval '6 seconds')`);
  await accept(store, endpointId, {}, {});
  const jobs = await claim(store, endpointId, 2, 'busy');
  const listed = await listWorkers(store, [endpointId]);
  assert.deepEqual(
    listed.map(({ id, state, jobs: held }) => [id, state, held.length]),
    [
      ['busy', 'draining', 2],
      ['idle', 'live', 0],
      ['silent', 'lost', 0],
    ],
  );
  assert.deepEqual(new Set(listed[0]?.jobs), new Set(jobs.map(({ jobId }) => jobId)));
  const supervisors = await listSupervisors(store, null);
  assert.deepEqual(
    supervisors.map(({ instance, alive, workers }) => [instance, alive, workers]),
    [
      ['s-1', true, 2],
      ['s-2', false, 1],
    ],
  );
  const other = await makeEndpoint(store);
  assert.deepEqual(await listSupervisors(store, [other]), []);
});
