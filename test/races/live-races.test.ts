import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { checkInvariants } from '../support/invariants.ts';
import { withStore } from '../support/store.ts';
import { prepareDatabase } from './ground.ts';
import { listRivalries, raceAll } from './live-races.ts';

/** Two batches, and single ones. */
const SIZES = [20, 20, ...Array<number>(10).fill(1)];

const database = await withStore();
after(() => database[Symbol.asyncDispose]());
await prepareDatabase(database);
const sessions = [database.another(), database.another()] as const;

describe('two acts that are sent at once', () => {
  for (const rivalry of listRivalries()) {
    const { stand, one, other } = rivalry;
    test(`${one} and ${other} of jobs that are ${stand.name} do as in some order`, async (t) => {
      const { races, faults, ...won } = await raceAll(database, rivalry, {
        sizes: SIZES,
        sessions,
      });
      t.diagnostic(JSON.stringify(won));
      assert.deepEqual(faults, []);
      assert.equal(races, 50);
    });
  }

  test('leave no rule broken', async () => {
    assert.deepEqual(await checkInvariants(database.url), []);
  });
});
