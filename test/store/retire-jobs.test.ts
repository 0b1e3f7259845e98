import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { type EndpointId, type JobId, uuidOf } from '@switchyard/contracts';
import {
  findRetired,
  forgetIdempotencyKeys,
  readStatuses,
  retireJobs,
  retryJob,
} from '@switchyard/store';
import { checkInvariants } from '../support/invariants.ts';
import { withStore } from '../support/store.ts';
import { accept, acceptOne, claimOne, finish, keyed, makeEndpoint, PROCESS } from './jobs.ts';

const database = await withStore();
const { store, sql } = database;
after(() => database[Symbol.asyncDispose]());

const RETENTION_MS = 60_000;
const TABLES = [
  ...['jobs', 'job_secrets', 'results', 'events', 'stream_chunks', 'stream_cursors'],
  ...['deliveries', 'delivery_tries'],
];

/** Says that the relay has published all that there is. */
const publishAll = (): Promise<object[]> =>
  sql(`update cursors set (txid, id) = (select txid, id from events
    order by txid desc, id desc limit 1) where name = 'relay'`);

const letEndPass = (jobIds: readonly JobId[], ms = RETENTION_MS + 1): Promise<object[]> =>
  sql(
    `update results set finished_at = finished_at - $2 * interval '1 ms'
      where job_id = any($1::uuid[])`,
    [jobIds.map(uuidOf), ms],
  );

const isThere = async (endpointId: EndpointId, jobId: JobId): Promise<boolean> =>
  (await readStatuses(store, endpointId, [jobId])).has(jobId);

const endOne = async (
  endpointId: EndpointId,
  status: 'COMPLETED' | 'FAILED' = 'COMPLETED',
  job = {},
): Promise<JobId> => {
  const jobId = await acceptOne(store, endpointId, job);
  assert(await finish(store, endpointId, await claimOne(store, endpointId), status));
  return jobId;
};

describe('retention', () => {
  test('takes a job with all that is its own, and nothing of the others', async () => {
    const endpointId = await makeEndpoint(store, { retentionMs: RETENTION_MS });
    const job = { webhook: 'https://example.com/hook', secret: Buffer.from('sealed') };
    const old = await endOne(endpointId, 'FAILED', job);
    const young = await endOne(endpointId, 'FAILED', job);
    for (const jobId of [old, young]) {
      await sql(
        `with d as (update deliveries set closed_at = statement_timestamp(), outcome = 'failed',
            tries = 1 where job_id = $2 returning delivery_id),
        t as (insert into delivery_tries (endpoint_id, delivery_id, n, outcome)
          select $1, delivery_id, 1, 'failed' from d),
        c as (insert into stream_cursors values ($1, $2, 1, 1))
        insert into stream_chunks values ($1, $2, 1, 0, '1')`,
        [endpointId, uuidOf(jobId)],
      );
    }
    await publishAll();
    await letEndPass([old]);
    assert((await findRetired(store)).includes(endpointId));
    assert.deepEqual(await retireJobs(store, endpointId), [old]);
    assert(!(await findRetired(store)).includes(endpointId));
    assert(!(await isThere(endpointId, old)));
    assert(await isThere(endpointId, young));
    for (const table of TABLES) {
      const rows = await sql(`select from ${table} where endpoint_id = $1`, [endpointId]);
      assert.equal(rows.length, table === 'events' ? 3 : 1, table);
    }
    assert.equal(await retryJob(store, endpointId, PROCESS, old), false);
    assert(await retryJob(store, endpointId, PROCESS, young));
  });

  test('leaves what is queued, running, delayed, not told or not published', async () => {
    const endpointId = await makeEndpoint(store, { retentionMs: RETENTION_MS });
    const told = await endOne(endpointId, 'COMPLETED', { webhook: 'https://example.com/hook' });
    const ended = await endOne(endpointId);
    const running = await acceptOne(store, endpointId);
    await claimOne(store, endpointId);
    await accept(store, endpointId, {}, { startAtMs: Date.now() + 3_600_000 });
    await publishAll();
    const unpublished = await acceptOne(store, endpointId, { ttlMs: 10_000 });
    assert(await finish(store, endpointId, await claimOne(store, endpointId)));
    await letEndPass([told, ended, unpublished]);
    await sql(`update jobs set created_at = created_at - interval '1 year'`);
    assert.deepEqual(await retireJobs(store, endpointId), [ended]);
    assert(await isThere(endpointId, running));
    await publishAll();
    assert.deepEqual(await retireJobs(store, endpointId), [unpublished]);
    await sql(`update deliveries set closed_at = statement_timestamp(), outcome = 'failed'`);
    assert.deepEqual(await retireJobs(store, endpointId), [told]);
    const left = await sql('select from jobs where endpoint_id = $1', [endpointId]);
    assert.equal(left.length, 3);
  });

  test('passes by rows that somebody has locked, and takes no more than it is told', async () => {
    const endpointId = await makeEndpoint(store, { retentionMs: RETENTION_MS });
    const jobs = [];
    for (let n = 0; n < 5; n += 1) jobs.push(await endOne(endpointId));
    await publishAll();
    await letEndPass(jobs);
    const [locked, ...others] = jobs;
    assert(locked);
    await store.inTransaction('plain', async (run) => {
      const lock = { name: '', text: 'select from results where job_id = $1 for update' };
      await run(lock, [uuidOf(locked)]);
      assert.equal((await retireJobs(database.another(), endpointId, 3)).length, 2);
    });
    const rest = await retireJobs(store, endpointId);
    assert.equal(rest.length, others.length - 2 + 1);
    assert(rest.includes(locked));
  });

  test('forgets keys when their time is over', async () => {
    const endpointId = await makeEndpoint(store);
    await accept(store, endpointId, { idempotency: keyed('old') }, { idempotency: keyed('new') });
    assert.equal(await forgetIdempotencyKeys(store, endpointId), 0);
    await sql(`update idempotency set expires_at = statement_timestamp() where key = 'old'`);
    assert.equal(await forgetIdempotencyKeys(store, endpointId), 1);
    const keys = await sql('select key from idempotency where endpoint_id = $1', [endpointId]);
    assert.deepEqual(keys, [{ key: 'new' }]);
  });

  test('leaves no rule broken', async () => {
    assert.deepEqual(await checkInvariants(database.url), []);
  });
});
