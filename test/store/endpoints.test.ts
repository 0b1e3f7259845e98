import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import type { EndpointId } from '@switchyard/contracts';
import { resolveSettings } from '@switchyard/lifecycle';
import {
  createEndpoint,
  deleteEndpoint,
  emptyDeletedEndpoint,
  foldCounts,
  listEndpoints,
  readEndpoint,
  readHealth,
  readQueued,
  retryJob,
  touchWorkers,
  updateEndpoint,
  writeAudit,
} from '@switchyard/store';
import { withStore } from '../support/store.ts';
import { tablesWith } from './history.ts';
import {
  accept,
  acceptOne,
  claim,
  claimOne,
  finish,
  INSTANCE,
  makeEndpoint,
  seats,
} from './jobs.ts';

const database = await withStore();
const { store, sql } = database;
after(() => database[Symbol.asyncDispose]());

describe('an endpoint', () => {
  test('comes back with every setting as it was made', async () => {
    const settings = {
      name: 'Pictures',
      worker: { template: 'gpu', concurrency: 4, minimum: 1, maximum: 9, idleTimeoutMs: 7_000 },
      scaling: { rule: 'REQUEST_COUNT', value: 3 },
      defaults: { executionTimeoutMs: 604_800_000, ttlMs: 604_800_000 },
      limits: { maxQueued: 1_000_000_000, maxConcurrent: 5, maxAttempts: 7 },
      escalateAfterMs: 604_800_000,
      retentionMs: 31_536_000_000,
    } as const;
    const id = await makeEndpoint(store, settings);
    const endpoint = await readEndpoint(store, id);
    assert.deepEqual(endpoint, { id, paused: false, ...settings });
    assert.deepEqual(
      (await listEndpoints(store)).find((one) => one.id === id),
      endpoint,
    );
    assert.equal(await createEndpoint(store, id, resolveSettings(id, {})), 'exists');
    assert.deepEqual(await readEndpoint(store, id), endpoint, 'a second one changes nothing');
  });

  test('can be without workers, limits and existence', async () => {
    const id = await makeEndpoint(store, { limits: { maxQueued: null } });
    const endpoint = await readEndpoint(store, id);
    assert.equal(endpoint?.worker, null);
    assert.deepEqual(endpoint?.limits, { maxQueued: null, maxConcurrent: null, maxAttempts: 3 });
    assert.equal(await readEndpoint(store, 'nowhere' as EndpointId), undefined);
    const change = () => assert.fail('nothing is there to change');
    assert.equal(await updateEndpoint(store, 'nowhere' as EndpointId, change), undefined);
  });

  test('takes two changes at once, each over the other', async () => {
    const id = await makeEndpoint(store);
    await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        updateEndpoint(store, id, (now) =>
          n % 2 === 0
            ? { ...now, escalateAfterMs: now.escalateAfterMs + 1 }
            : { ...now, retentionMs: now.retentionMs + 1 },
        ),
      ),
    );
    const endpoint = await readEndpoint(store, id);
    assert.deepEqual([endpoint?.escalateAfterMs, endpoint?.retentionMs], [3_600_010, 86_400_010]);
  });

  test('a change that throws, or breaks a bound, leaves it as it was', async () => {
    const id = await makeEndpoint(store);
    const before = await readEndpoint(store, id);
    const refused = updateEndpoint(store, id, () => assert.fail('refused'));
    await assert.rejects(refused, /refused/);
    const beyond = updateEndpoint(store, id, (now) => ({
      ...now,
      defaults: { ...now.defaults, ttlMs: 1 },
    }));
    await assert.rejects(beyond, /check constraint/);
    assert.deepEqual(await readEndpoint(store, id), before);
  });

  test('is deleted with all that it holds, once its jobs have ended', async () => {
    const id = await makeEndpoint(store);
    const other = await makeEndpoint(store);
    await acceptOne(store, other);
    const secret = Buffer.from('sealed');
    await acceptOne(store, id, { secret, webhook: 'https://example.com/' });
    assert.equal(await deleteEndpoint(store, id), 'busy');
    const job = await claimOne(store, id);
    assert.equal(await deleteEndpoint(store, id), 'busy');
    await finish(store, id, job, 'FAILED');
    assert.equal(await deleteEndpoint(store, id), 'deleted');
    assert.equal(await deleteEndpoint(store, id), 'missing');
    assert((await tablesWith(database, id)).includes('job_secrets'));
    for await (const _rows of emptyDeletedEndpoint(store, id));
    assert.deepEqual(await tablesWith(database, id), []);
    assert.equal(await readQueued(store, other), 1);
  });
});

describe('the counts', () => {
  test('of many processes add up, also when the rows of idle ones are folded', async () => {
    const id = await makeEndpoint(store);
    await accept(store, id, {}, {}, {}, {}, {});
    const [done, failed, ...running] = await claim(store, id, 4);
    assert(done && failed && running.length === 2);
    await finish(store, id, done);
    await finish(store, id, failed, 'FAILED');
    await retryJob(store, id, 'process-2', failed.jobId);
    const expected = { completed: 1, failed: 1, inProgress: 2, inQueue: 2, retried: 1 };
    assert.deepEqual((await readHealth(store, id)).jobs, expected);
    assert.equal(await readQueued(store, id), 2);

    await foldCounts(store);
    const processes = () =>
      sql('select process from counts where endpoint_id = $1 order by process', [id]);
    assert.deepEqual(await processes(), [{ process: 'process-1' }, { process: 'process-2' }]);
    await sql(`update counts set touched_at = now() - interval '11 minutes'`);
    await acceptOne(store, id);
    await Promise.all([foldCounts(store), foldCounts(database.another())]);
    assert.deepEqual(await processes(), [{ process: 'folded' }, { process: 'process-1' }]);
    assert.deepEqual((await readHealth(store, id)).jobs, { ...expected, inQueue: 3 });
    await sql(`update counts set touched_at = now() - interval '11 minutes'`);
    await foldCounts(store);
    assert.deepEqual(await processes(), [{ process: 'folded' }]);
    assert.deepEqual((await readHealth(store, id)).jobs, { ...expected, inQueue: 3 });
  });

  test('lose nothing to a fold while processes count on', async () => {
    const id = await makeEndpoint(store);
    const folder = database.another();
    let isCounting = true;
    const fold = async (): Promise<void> => {
      while (isCounting) {
        await sql(
          `update counts set touched_at = now() - interval '1 hour' where process <> 'folded'`,
        );
        await foldCounts(folder);
      }
    };
    const count = async (): Promise<void> => {
      for (let n = 0; n < 100; n += 1) await accept(store, id, {}, {});
      isCounting = false;
    };
    await Promise.all([count(), fold()]);
    assert.equal(await readQueued(store, id), 200);
  });

  test('of workers tell what each does, and none that is silent', async () => {
    const id = await makeEndpoint(store);
    await accept(store, id, {}, {});
    await claim(store, id, 2, 'busy');
    const sign = (worker: string, state: 'starting' | 'live' | 'draining' | 'unhealthy') =>
      seats(1, worker).map(({ workerId }) => ({
        ...{ workerId, state, reason: state === 'unhealthy' ? 'It crashed.' : null },
        ...{ slots: 2, inventory: undefined },
      }));
    await touchWorkers(store, id, INSTANCE, [
      ...sign('busy', 'live'),
      ...sign('idle', 'live'),
      ...sign('leaving', 'draining'),
      ...sign('coming', 'starting'),
      ...sign('broken', 'unhealthy'),
      ...sign('silent', 'live'),
    ]);
    await sql(`update workers set seen_at = now() - interval '31 s' where worker_id = 'silent'`);
    const { workers } = await readHealth(store, id);
    assert.deepEqual(workers, {
      ...{ idle: 2, initializing: 1, ready: 3, running: 1, throttled: 0, unhealthy: 1 },
    });
  });

  test('what was done is written down', async () => {
    await writeAudit(store, { keyId: 'k', action: 'endpoint.delete', target: 'e' });
    const rows = await sql('select key_id, action, target from audit');
    assert.deepEqual(rows, [{ key_id: 'k', action: 'endpoint.delete', target: 'e' }]);
  });
});
