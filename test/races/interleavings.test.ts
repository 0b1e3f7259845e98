import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { checkInvariants } from '../support/invariants.ts';
import { withStore } from '../support/store.ts';
import { prepareDatabase } from './ground.ts';
import { interleaveAll, openSessions, pairsAt } from './interleave.ts';
import { STANDS } from './stands.ts';

const STANDS_AT_ONCE = 4;
/** Each pair at these is one at another stand as well; `npm run accept -- races` has them all. */
const LEFT_OUT: readonly string[] = ['queued, its ttl is over', 'running', 'running too long'];

const database = await withStore();
after(() => database[Symbol.asyncDispose]());
await prepareDatabase(database);

describe('two acts at one job, the second while the first is not committed', () => {
  describe('do as in some order', { concurrency: STANDS_AT_ONCE }, () => {
    for (const [lane, stand] of STANDS.entries()) {
      if (LEFT_OUT.includes(stand.name)) continue;
      const pairs = pairsAt(stand);
      test(`at one that is ${stand.name}: ${pairs.length} interleavings`, async () => {
        const sessions = openSessions(database, lane);
        const faults: string[] = [];
        for await (const cell of interleaveAll(database, sessions, stand, pairs)) {
          const { first, second, ending, fault } = cell;
          if (fault !== undefined) faults.push(`${first}, ${second}, ${ending}: ${fault}`);
        }
        assert.deepEqual(faults, []);
      });
    }
  });

  test('leave no rule broken', async () => {
    assert.deepEqual(await checkInvariants(database.url), []);
  });
});
