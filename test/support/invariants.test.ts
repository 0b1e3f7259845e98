import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cancelJobs, retryJob } from '@switchyard/store';
import { acceptOne, claimOne, finish, makeEndpoint, PROCESS } from '../store/jobs.ts';
import { checkInvariants } from './invariants.ts';
import { withStore } from './store.ts';

/** What would be a defect of Switchyard, and a part of the sentence that it has to raise. */
const FAULTS: readonly (readonly [fault: string, sentence: RegExp])[] = [
  ['delete from queue', /exactly one place .* is in 0 places/],
  ['delete from jobs', /a place belongs to a job/],
  ['delete from events where seq = 1', /numbered from 1 without a gap/],
  ['update queue set event_seq = event_seq + 1', /carries the number of the last event/],
  [
    `update results set status = 'TIMED_OUT' where status = 'FAILED'`,
    /is what the events add up to .* TIMED_OUT after failed/,
  ],
  [`update events set event = 'started' where seq = 1`, /begins with being accepted/],
  [`update events set claim_no = 7 where event = 'started'`, /claim numbers rise by one/],
  ['update leases set claim_no = 9', /carries the last claim number/],
  ['update results set attempts = 30', /no more attempts than claims/],
  ['update counts set queued = queued + 1', /counts are the numbers of rows .* 2 queued/],
  ['update counts set completed = 0', /no less is counted/],
  [
    `insert into job_secrets select endpoint_id, job_id, 'x' from results
       where status = 'COMPLETED'`,
    /no secret outlives its job .* is COMPLETED/,
  ],
  [
    `insert into stream_chunks select endpoint_id, job_id, 5, 0, '1' from leases`,
    /chunks are of claims/,
  ],
  ['delete from deliveries', /each end of a job with a webhook has one delivery/],
  ['update deliveries set event_seq = 1', /a delivery tells an end of a job/],
  ['update deliveries set tries = 2', /as many tries as it counts/],
  ['update deliveries set closed_at = now()', /a closed delivery has an outcome/],
  [
    `update events set event = 'completed' where event = 'failed'`,
    /"completed retried" is a step of the lifecycle/,
  ],
];

test('the invariants hold of sound data, and each fault is told in a sentence', async () => {
  await using database = await withStore();
  const { store, url, sql } = database;
  const endpointId = await makeEndpoint(store);
  const webhook = 'https://example.com/hook';
  for (const status of ['COMPLETED', 'FAILED', 'FAILED'] as const) {
    await acceptOne(store, endpointId, { webhook });
    const job = await claimOne(store, endpointId);
    assert(await finish(store, endpointId, job, status));
    if (status === 'FAILED') assert(await retryJob(store, endpointId, PROCESS, job.jobId));
    if (status === 'FAILED') {
      assert(await finish(store, endpointId, await claimOne(store, endpointId), status));
    }
  }
  const cancelled = await acceptOne(store, endpointId, { secret: Buffer.from('sealed') });
  await cancelJobs(store, endpointId, PROCESS, [cancelled]);
  await acceptOne(store, endpointId);
  await claimOne(store, endpointId);
  await acceptOne(store, endpointId, { secret: Buffer.from('sealed') });
  assert.deepEqual(await checkInvariants(url), []);

  for (const [index, [fault, sentence]] of FAULTS.entries()) {
    const copy = `fault_${index}`;
    await sql(`create schema ${copy}`);
    await copyTables(sql, copy);
    await sql(`set search_path = ${copy}`);
    await sql(fault);
    const broken = new URL(url);
    broken.searchParams.set('options', `-c search_path=${copy}`);
    assert.match((await checkInvariants(broken.href)).join('\n'), sentence, fault);
    await sql('reset search_path');
  }
});

/** Copies every table without its constraints, so that any fault can be put in. */
const copyTables = async (
  sql: (text: string) => Promise<object[]>,
  schema: string,
): Promise<void> => {
  const tables = await sql(`select tablename from pg_tables where schemaname = 'public'`);
  for (const table of tables) {
    const name = String(Reflect.get(table, 'tablename'));
    await sql(`create table ${schema}.${name} as table public.${name}`);
  }
};
