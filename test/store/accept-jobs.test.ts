import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { type EndpointId, newJobId, uuidOf } from '@switchyard/contracts';
import { RANK } from '@switchyard/lifecycle';
import {
  acceptJobs,
  type NewJob,
  readIdempotencyKeys,
  readInputs,
  readStatuses,
  readStoredJobs,
} from '@switchyard/store';
import { checkInvariants } from '../support/invariants.ts';
import { withStore } from '../support/store.ts';
import {
  accept,
  acceptOne,
  claim,
  claimOne,
  keyed,
  makeEndpoint,
  newJob,
  PROCESS,
} from './jobs.ts';

const database = await withStore();
const { store, sql } = database;
after(() => database[Symbol.asyncDispose]());

describe('accept', () => {
  test('keeps every byte of every job of a batch apart', async () => {
    const endpointId = await makeEndpoint(store);
    const inputs = [
      Buffer.from('{"text":"\\u0000 \\ud800 1e400"}'),
      Buffer.from([0, 255, 39, 92, 10]),
      Buffer.from('1'),
      Buffer.alloc(70_000, 'x'),
    ];
    const made = inputs.map((input, n) =>
      newJob({ input, secret: n % 2 === 0 ? undefined : Buffer.from(`sealed ${n}`) }),
    );
    const taken = await acceptJobs(store, endpointId, PROCESS, 'http', made);
    const ids = made.map((job) => job.jobId);
    assert.equal(taken, 'all');
    assert.deepEqual(await readStoredJobs(store, endpointId, ids), new Set(ids));
    const read = await readInputs(store, endpointId, ids);
    for (const job of made) assert.deepEqual(read.get(job.jobId), job.input);
    const claimed = await claim(store, endpointId, 4);
    assert.equal(claimed.length, 4);
    for (const job of claimed) {
      const given = made.find(({ jobId }) => jobId === job.jobId) ?? assert.fail('a job of ours');
      assert.deepEqual(job.secret, given.secret);
      assert.deepEqual(job.input, given.input.length > 65_536 ? undefined : given.input);
    }
  });

  test('keeps the order of the batch among jobs of one deadline', async () => {
    const endpointId = await makeEndpoint(store);
    const ids = await accept(store, endpointId, ...Array<object>(50).fill({}));
    for (const jobId of ids) assert.equal((await claimOne(store, endpointId)).jobId, jobId);
  });

  test('stores nothing at all when one job of the batch cannot be stored', async () => {
    const endpointId = await makeEndpoint(store);
    const made = [newJob(), newJob({ ttlMs: 5 })];
    const stored = acceptJobs(store, endpointId, PROCESS, 'http', made);
    await assert.rejects(stored, /check constraint/);
    const ids = made.map(({ jobId }) => jobId);
    assert.equal((await readStoredJobs(store, endpointId, ids)).size, 0);
  });

  test('stores nothing of an endpoint that is gone, and says so', async () => {
    const gone = 'e-gone' as EndpointId;
    const startAtMs = Date.now() + 60_000;
    const kinds: readonly Partial<NewJob>[] = [
      {},
      { webhook: 'https://example.com/', secret: Buffer.from('sealed') },
      { idempotency: keyed('gone') },
      { startAtMs },
      { idempotency: keyed('gone too'), startAtMs },
    ];
    for (const kind of kinds) {
      const stored = acceptJobs(store, gone, PROCESS, 'http', [newJob(kind)]);
      assert.equal(await stored, 'noEndpoint');
    }
    const tables = ['jobs', 'queue', 'delayed', 'events', 'counts', 'idempotency', 'job_secrets'];
    for (const table of tables) {
      assert.deepEqual(await sql(`select from ${table} where endpoint_id = $1`, [gone]), [], table);
    }
  });

  test('an empty batch is nothing', async () => {
    const endpointId = await makeEndpoint(store);
    assert.equal(await acceptJobs(store, endpointId, PROCESS, 'http', []), 'all');
    assert.deepEqual(await sql('select from counts where endpoint_id = $1', [endpointId]), []);
  });
});

describe('idempotency', () => {
  test('a key stands for its first job until a day has passed', async () => {
    const endpointId = await makeEndpoint(store);
    const first = await acceptOne(store, endpointId, { idempotency: keyed('k', 'one') });
    const again = newJob({ idempotency: keyed('k', 'two') });
    const free = newJob();
    const taken = await acceptJobs(store, endpointId, PROCESS, 'http', [again, free]);
    assert.deepEqual(taken, new Set([free.jobId]));
    const held = (await readIdempotencyKeys(store, endpointId, 'http', ['k', 'other'])).get('k');
    assert.equal(held?.jobId, first);
    assert.deepEqual(held?.bodyHash, keyed('k', 'one').bodyHash, 'so that another body is told');

    await sql('update idempotency set expires_at = statement_timestamp() where endpoint_id = $1', [
      endpointId,
    ]);
    assert.equal(await acceptJobs(store, endpointId, PROCESS, 'http', [again]), 'all');
    const anew = (await readIdempotencyKeys(store, endpointId, 'http', ['k'])).get('k');
    assert.deepEqual(anew, { jobId: again.jobId, bodyHash: keyed('k', 'two').bodyHash });
  });

  test('a key means nothing at another endpoint or in another way in', async () => {
    const [one, other] = [await makeEndpoint(store), await makeEndpoint(store)];
    for (const endpointId of [one, other]) {
      for (const source of ['http', 'broker'] as const) {
        const job = newJob({ idempotency: keyed('same') });
        assert.equal(await acceptJobs(store, endpointId, PROCESS, source, [job]), 'all');
      }
    }
  });

  test('a batch that holds a key twice is a defect, and nothing of it is stored', async () => {
    const endpointId = await makeEndpoint(store);
    const made = [newJob({ idempotency: keyed('k') }), newJob({ idempotency: keyed('k') })];
    const stored = acceptJobs(store, endpointId, PROCESS, 'http', made);
    await assert.rejects(stored, /second time/);
    assert.deepEqual(await sql('select from jobs where endpoint_id = $1', [endpointId]), []);
    assert.deepEqual(await sql('select from idempotency where endpoint_id = $1', [endpointId]), []);
  });

  test('of two batches at once with the same keys each key is won once, 50 times', async () => {
    const endpointId = await makeEndpoint(store);
    const rival = database.another();
    for (let round = 0; round < 50; round += 1) {
      const keys = Array.from({ length: 5 }, (_, n) => `${round}-${n}`);
      const batches = [keys, keys.toReversed()].map((names) =>
        names.map((name) => newJob({ idempotency: keyed(name) })),
      );
      const taken = await Promise.all(
        batches.map(async (jobs, n) => {
          const by = n === 0 ? store : rival;
          const stored = await acceptJobs(by, endpointId, `process-${n}`, 'http', jobs);
          assert(stored !== 'noEndpoint');
          return stored === 'all' ? new Set(jobs.map(({ jobId }) => jobId)) : stored;
        }),
      );
      assert.equal((taken[0]?.size ?? 0) + (taken[1]?.size ?? 0), keys.length);
      const held = await readIdempotencyKeys(store, endpointId, 'http', keys);
      for (const name of keys) {
        const winner = held.get(name)?.jobId ?? assert.fail('the key is held');
        assert(taken.some((ids) => ids.has(winner)));
      }
    }
  });
});

describe('what was accepted', () => {
  type Written = { webhook: string | null; in_time: boolean; at_once: boolean };
  const COLUMNS = `convert_from(jobs.input, 'utf8') as input, jobs.webhook, jobs.low_priority,
    jobs.execution_timeout_ms, jobs.ttl_ms, queue.rank, queue.has_webhook, queue.has_secrets,
    queue.execution_timeout_ms as queued_timeout_ms, queue.claim_no, queue.attempts,
    queue.event_seq, events.seq, events.event, queue.escalated_at,
    extract(epoch from queue.deadline_at - queue.waiting_since) * 1000 = jobs.ttl_ms as in_time,
    jobs.created_at = queue.waiting_since as at_once,
    queue.escalate_at - queue.waiting_since as escalates_after`;
  const rowsOf = (jobs: readonly NewJob[]): Promise<Written[]> =>
    sql<Written>(
      `select ${COLUMNS} from unnest($1::uuid[]) with ordinality as wanted (job_id, place)
        join jobs using (job_id) join queue using (job_id) join events using (job_id)
        order by place`,
      [jobs.map(({ jobId }) => uuidOf(jobId))],
    );

  test('is written of each job of a mixed batch as it is written of that job alone', async () => {
    const kinds: readonly Partial<NewJob>[] = [
      {},
      { ttlMs: 604_800_000 },
      { executionTimeoutMs: 5_001, rank: RANK.low },
      { webhook: 'https://example.com/ü"\\{},NULL' },
      { webhook: 'NULL', ttlMs: 10_000, rank: RANK.low },
      { input: Buffer.from('"é"') },
      { input: Buffer.alloc(0), secret: Buffer.from('sealed') },
      { idempotency: keyed('mixed') },
    ];
    const [mixedAt, aloneAt] = [await makeEndpoint(store), await makeEndpoint(store)];
    const mixed = kinds.map(newJob);
    assert.equal(await acceptJobs(store, mixedAt, PROCESS, 'http', mixed), 'all');
    const alone = kinds.map(newJob);
    for (const job of alone) {
      assert.equal(await acceptJobs(store, aloneAt, PROCESS, 'http', [job]), 'all');
    }
    const rows = await rowsOf(mixed);
    assert.equal(rows.length, kinds.length);
    assert.deepEqual(rows, await rowsOf(alone));
    assert.equal(rows[3]?.webhook, kinds[3]?.webhook);
    assert.ok(rows.every(({ in_time, at_once }) => in_time && at_once));
    for (const endpointId of [mixedAt, aloneAt]) {
      const counts = await sql('select queued::int from counts where endpoint_id = $1', [
        endpointId,
      ]);
      assert.deepEqual(counts, [{ queued: kinds.length }]);
    }
  });

  test('is told as it was asked for', async () => {
    const endpointId = await makeEndpoint(store);
    const sync = newJobId('sync');
    const [high, low] = await accept(
      store,
      endpointId,
      { ttlMs: 10_000, jobId: sync },
      { rank: RANK.low },
    );
    const found = await readStatuses(store, endpointId, [sync, low ?? sync, newJobId('async')]);
    assert.equal(found.size, 2);
    const status = found.get(high ?? sync) ?? assert.fail('it is found');
    assert.equal(status.state, 'IN_QUEUE');
    assert.equal(status.attempt, 0);
    assert.equal(status.delayMs, null);
    assert.equal(status.output, null);
    const ttlMs = (status.deadlineAt?.getTime() ?? 0) - status.createdAt.getTime();
    assert.equal(ttlMs, 10_000);
    assert.equal(found.get(low ?? sync)?.rank, RANK.low);
    const rows = await sql('select low_priority from jobs where job_id = $1', [uuidOf(sync)]);
    assert.deepEqual(rows, [{ low_priority: false }]);
  });

  test('leaves no rule broken', async () => {
    assert.deepEqual(await checkInvariants(database.url), []);
  });
});
