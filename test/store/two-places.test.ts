import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { cancelJobs, readEventsOfJob, requeueJobs, retryJob } from '@switchyard/store';
import { withStore } from '../support/store.ts';
import { acceptOne, claim, claimOne, finish, makeEndpoint, PROCESS } from './jobs.ts';

const database = await withStore();
after(() => database[Symbol.asyncDispose]());
const { store, sql } = database;

/** Puts a running job into the queue as well, as a defect might that forgets its lease. */
const queueBeside = (jobId: string, eventSeq: number) =>
  sql(
    `insert into queue (endpoint_id, rank, deadline_at, job_id, claim_no, attempts, event_seq,
      execution_timeout_ms, waiting_since, has_webhook, has_secrets)
    select endpoint_id, 1, now() + interval '1 h', job_id, claim_no, attempts, $2,
      execution_timeout_ms, now(), false, false from leases where job_id = $1`,
    [jobId, eventSeq],
  );

const UNIQUE = { code: '23505' };

/** A running job at its second event, which a defect has put into the queue as well. */
const putInTwoPlaces = async (eventSeq: number) => {
  const endpointId = await makeEndpoint(store);
  const jobId = await acceptOne(store, endpointId);
  const job = await claimOne(store, endpointId);
  await queueBeside(jobId, eventSeq);
  const events = async () =>
    (await readEventsOfJob(store, endpointId, jobId)).map(({ event }) => event);
  return { endpointId, jobId, job, events };
};

describe('a job that a defect has put in two places', () => {
  test('is not claimed again while it is leased', async () => {
    const { endpointId, events } = await putInTwoPlaces(2);
    await assert.rejects(claim(store, endpointId, 1), UNIQUE);
    assert.deepEqual(await events(), ['accepted', 'started']);
  });

  test('leaves one of them, and never the other', async () => {
    const { endpointId, jobId, job, events } = await putInTwoPlaces(2);
    assert(await finish(store, endpointId, job));
    await assert.rejects(claim(store, endpointId, 1), UNIQUE);
    await assert.rejects(cancelJobs(store, endpointId, PROCESS, [jobId]), UNIQUE);
    assert.deepEqual(await events(), ['accepted', 'started', 'completed']);
  });

  test('cannot end by a lease that the queue has overtaken', async () => {
    const { endpointId, jobId, job, events } = await putInTwoPlaces(3);
    await sql(
      `insert into events (endpoint_id, job_id, seq, event) values ($1, $2, 3, 'requeued')`,
      [endpointId, jobId],
    );
    await assert.rejects(finish(store, endpointId, job), UNIQUE);
    await assert.rejects(
      requeueJobs(store, endpointId, PROCESS, 'worker_lost', [{ jobId, claimNo: 1 }]),
      UNIQUE,
    );
    assert.deepEqual(await events(), ['accepted', 'started', 'requeued']);
  });

  test('is not retried while a place is left from before', async () => {
    const { endpointId, jobId, job } = await putInTwoPlaces(2);
    assert(await finish(store, endpointId, job, 'FAILED'));
    await assert.rejects(retryJob(store, endpointId, PROCESS, jobId), UNIQUE);
  });
});
