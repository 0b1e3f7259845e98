import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openStore, StoreUnavailable } from '@switchyard/store';
import { ENDPOINT, newClaim, openHanding } from './hand-over-jobs.fixture.ts';
import { handOver } from './hand-over-jobs.ts';

// Nothing connects to it: there is room for each job, and inputs come with their claims.
const store = openStore({ url: 'postgres://127.0.0.1:9/none', applicationName: 'test' });
after(() => store.close());

test('an assign that comes twice gives its worker the job once', async () => {
  const { context, handed } = openHanding(store);
  const claim = newClaim();

  await handOver(context, ENDPOINT, [claim]);
  await handOver(context, ENDPOINT, [claim]);
  assert.deepEqual(handed(), [1]);
  await handOver(context, ENDPOINT, [{ ...claim, claimNo: 2 }]);
  assert.deepEqual(handed(), [1, 2]);
});

test('claims whose input cannot be read count as not received', async () => {
  const away = new StoreUnavailable('the database is away');
  const { context, handed } = openHanding({ ...store, run: () => Promise.reject(away) });
  const large = { ...newClaim(), input: undefined };
  const claims = [large, newClaim()];

  await assert.rejects(handOver(context, ENDPOINT, claims), away);
  assert.deepEqual(handed(), []);
  assert.equal(context.received.size, 0, 'the reconciliation is to find them');
});

test('an assign that comes again after its claim was handed back is dropped', async () => {
  const { context, worker, handed } = openHanding({ ...store, runPinned: async () => [] });
  const claim = newClaim();
  worker.free = 0;
  await handOver(context, ENDPOINT, [claim]);
  worker.free = 4;
  await handOver(context, ENDPOINT, [claim]);
  assert.deepEqual(handed(), []);
});
