import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { checkInvariants } from '../support/invariants.ts';
import { withStore } from '../support/store.ts';
import { prepareDatabase } from './ground.ts';
import { runSequences } from './sequences.ts';

const OPERATIONS = 1_000;

const database = await withStore();
after(() => database[Symbol.asyncDispose]());
await prepareDatabase(database);

test('whatever happens to jobs in sequence, each is what the lifecycle makes of it', async (t) => {
  const seed = Date.now() % 1_000_000_000;
  t.diagnostic(`seed ${seed}`);
  const { operations, failure } = await runSequences(database, { operations: OPERATIONS, seed });
  assert.equal(failure, undefined, failure);
  assert(operations >= OPERATIONS);
  assert.deepEqual(await checkInvariants(database.url), []);
});
