import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { type EndpointId, type JobId, parseWorkerId, uuidOf } from '@switchyard/contracts';
import {
  cancelJobs,
  endOverdueJobs,
  finishJobs,
  readEventsOfJob,
  readStatuses,
  requeueJobs,
  retryJob,
} from '@switchyard/store';
import { checkInvariants } from '../support/invariants.ts';
import { withStore } from '../support/store.ts';
import { acceptOne, claim, claimOne, finish, makeEndpoint, PROCESS } from './jobs.ts';

const database = await withStore();
const { store, sql } = database;
after(() => database[Symbol.asyncDispose]());
const webhook = 'https://example.com/hook';

/** Everything that is known of a job, to see that nothing of it changed. */
const recordOf = async (endpointId: EndpointId, jobId: JobId): Promise<object> => {
  const rows = await Promise.all(
    ['queue', 'leases', 'results', 'events', 'deliveries', 'job_secrets'].map((table) =>
      sql(`select * from ${table} where endpoint_id = $1 and job_id = $2`, [
        endpointId,
        uuidOf(jobId),
      ]),
    ),
  );
  const counts = await sql('select * from counts where endpoint_id = $1', [endpointId]);
  return { rows, counts };
};

const started = async (job = {}) => {
  const endpointId = await makeEndpoint(store);
  await acceptOne(store, endpointId, job);
  return { endpointId, job: await claimOne(store, endpointId) };
};

describe('a result is taken', () => {
  test('byte for byte, with the durations and the worker', async () => {
    const { endpointId, job } = await started();
    const output = Buffer.from('{"n": 1e400, "s":"\\ud800"}');
    const posted = { ...job, status: 'COMPLETED' as const, output, error: undefined };
    const ended = await finishJobs(store, endpointId, PROCESS, [posted]);
    assert.deepEqual(ended, new Set([job.jobId]));
    const status = (await readStatuses(store, endpointId, [job.jobId])).get(job.jobId);
    assert.equal(status?.state, 'COMPLETED');
    assert.deepEqual(status?.output, output);
    assert.equal(status?.error, null);
    assert.equal(status?.workerId, job.workerId);
    assert.equal(status?.attempt, 1);
    assert(status?.delayMs !== null && status?.executionMs !== null);
    const events = await readEventsOfJob(store, endpointId, job.jobId);
    assert.deepEqual(
      events.map(({ event }) => event),
      ['accepted', 'started', 'completed'],
    );
  });

  test('without a claim number, from the worker of the live lease', async () => {
    const { endpointId, job } = await started();
    assert(await finish(store, endpointId, { ...job, claimNo: null }, 'FAILED'));
    const status = (await readStatuses(store, endpointId, [job.jobId])).get(job.jobId);
    assert.deepEqual([status?.state, String(status?.error)], ['FAILED', '"it broke"']);
  });

  test('for those of a batch that are live; the others are named by their absence', async () => {
    const endpointId = await makeEndpoint(store);
    for (let n = 0; n < 3; n += 1) await acceptOne(store, endpointId);
    const jobs = await claim(store, endpointId, 3);
    const [first, second, third] = jobs;
    assert(first && second && third);
    assert(await finish(store, endpointId, second));
    const rest = { status: 'COMPLETED' as const, error: undefined };
    const ended = await finishJobs(
      store,
      endpointId,
      PROCESS,
      jobs.map((job) => ({ ...job, ...rest, output: Buffer.from(JSON.stringify(job.jobId)) })),
    );
    assert.deepEqual(ended, new Set([first.jobId, third.jobId]));
    const found = await readStatuses(store, endpointId, [third.jobId]);
    assert.equal(String(found.get(third.jobId)?.output), JSON.stringify(third.jobId));
  });
});

describe('a result is refused and changes nothing', () => {
  const refused = async (endpointId: EndpointId, job: Parameters<typeof finish>[2]) => {
    const before = await recordOf(endpointId, job.jobId);
    for (const status of ['COMPLETED', 'FAILED'] as const) {
      assert.equal(await finish(store, endpointId, job, status), false);
    }
    assert.deepEqual(await recordOf(endpointId, job.jobId), before);
  };

  test('from another worker, for another claim, or at another endpoint', async () => {
    const { endpointId, job } = await started({ webhook });
    const workerId = parseWorkerId('worker-2') ?? assert.fail('is an id');
    await refused(endpointId, { ...job, workerId });
    await refused(endpointId, { ...job, workerId, claimNo: null });
    await refused(endpointId, { ...job, claimNo: job.claimNo + 1 });
    const other = await makeEndpoint(store);
    assert.equal(await finish(store, other, job), false);
    await refused(endpointId, { ...job, workerId });
  });

  const ways: readonly (readonly [string, typeof cancelled])[] = [
    ['a first result', async (endpointId, job) => assert(await finish(store, endpointId, job))],
    ['the cancel', (endpointId, job) => cancelled(endpointId, job)],
    ['its executionTimeout', (endpointId) => overrun(endpointId)],
    ['its return to the queue', (endpointId, job) => lose(endpointId, job)],
    [
      'another worker got it',
      async (endpointId, job) => {
        await lose(endpointId, job);
        await claimOne(store, endpointId, 'worker-2');
      },
    ],
    [
      'a retry',
      async (endpointId, job) => {
        assert(await finish(store, endpointId, job, 'FAILED'));
        assert(await retryJob(store, endpointId, PROCESS, job.jobId));
      },
    ],
  ];
  for (const [what, happen] of ways) {
    test(`after ${what}`, async () => {
      const { endpointId, job } = await started({ webhook, secret: Buffer.from('sealed') });
      await happen(endpointId, job);
      await refused(endpointId, job);
      if (what !== 'another worker got it') await refused(endpointId, { ...job, claimNo: null });
    });
  }

  type Job = { readonly jobId: JobId; readonly claimNo: number } & Parameters<typeof finish>[2];
  const cancelled = async (endpointId: EndpointId, job: Job): Promise<void> => {
    assert.equal((await cancelJobs(store, endpointId, PROCESS, [job.jobId])).length, 1);
  };
  const overrun = async (endpointId: EndpointId): Promise<void> => {
    await sql(
      `update leases set started_at = now() - interval '2 hours',
        overdue_at = now() - interval '1 hour' where endpoint_id = $1`,
      [endpointId],
    );
    assert.equal((await endOverdueJobs(store, endpointId, PROCESS)).length, 1);
  };
  const lose = async (endpointId: EndpointId, { jobId, claimNo }: Job): Promise<void> => {
    const lost = await requeueJobs(store, endpointId, PROCESS, 'worker_lost', [{ jobId, claimNo }]);
    assert.deepEqual(lost, { requeued: [jobId], failed: [] });
  };
});

describe('the end of a job', () => {
  test('makes one delivery, and none without a webhook', async () => {
    for (const [job, deliveries] of [
      [{ webhook }, [{ url: webhook, event_seq: 3, tries: 0, closed_at: null }]],
      [{}, []],
    ] as const) {
      const { endpointId, job: claimed } = await started(job);
      await finish(store, endpointId, claimed);
      await finish(store, endpointId, claimed);
      const rows = await sql(
        'select url, event_seq, tries, closed_at from deliveries where endpoint_id = $1',
        [endpointId],
      );
      assert.deepEqual(rows, deliveries);
    }
  });

  test('deletes the secret of the completed and cancelled, not what a retry needs', async () => {
    const secrets = async (endpointId: EndpointId): Promise<number> =>
      (await sql('select from job_secrets where endpoint_id = $1', [endpointId])).length;
    const secret = Buffer.from('sealed');
    for (const [status, left] of [
      ['COMPLETED', 0],
      ['FAILED', 1],
    ] as const) {
      const { endpointId, job } = await started({ secret });
      assert.deepEqual(job.secret, secret);
      await finish(store, endpointId, job, status);
      assert.equal(await secrets(endpointId), left, status);
      if (status === 'FAILED') {
        await retryJob(store, endpointId, PROCESS, job.jobId);
        assert.deepEqual((await claimOne(store, endpointId)).secret, secret);
      }
    }
    const running = await started({ secret });
    await cancelJobs(store, running.endpointId, PROCESS, [running.job.jobId]);
    assert.equal(await secrets(running.endpointId), 0);
    const queued = await makeEndpoint(store);
    await cancelJobs(store, queued, PROCESS, [await acceptOne(store, queued, { secret })]);
    assert.equal(await secrets(queued), 0);
  });

  test('leaves no rule broken', async () => {
    assert.deepEqual(await checkInvariants(database.url), []);
  });
});
