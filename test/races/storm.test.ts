import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { checkInvariants } from '../support/invariants.ts';
import { withStore } from '../support/store.ts';
import { ACT_NAMES } from './acts.ts';
import { actsOn } from './acts-on.ts';
import { openGround, prepareDatabase } from './ground.ts';
import { perform } from './perform.ts';
import { bring, modelOf, type Stand } from './stands.ts';

const JOBS = 20;
const WALKERS = 8;
const STEPS = 200;

const database = await withStore();
after(() => database[Symbol.asyncDispose]());
await prepareDatabase(database);

test('a storm of all acts over the same jobs leaves no rule broken', async () => {
  const stand: Stand = { name: 'queued', wish: { hasWebhook: true }, steps: [] };
  const ground = await openGround(database);
  const jobIds = await bring(ground, stand, JOBS);
  const sessions = [database.another(), database.another()] as const;
  const { job } = modelOf(stand);
  const wander = async (from: number): Promise<void> => {
    for (let n = 0; n < STEPS; n += 1) {
      const jobId = jobIds[(from * 31 + n * 7) % JOBS];
      const name = ACT_NAMES[(from + n * 5) % ACT_NAMES.length];
      if (jobId === undefined || name === undefined) throw new TypeError('there are some');
      const act = actsOn({ ...job, claimNo: n % 3 })[name];
      const store = sessions[n % 2 === 0 ? 0 : 1];
      await perform({ ...ground, store, process: `walker-${from}` }, act, [jobId]);
    }
  };
  await Promise.all(Array.from({ length: WALKERS }, (_, from) => wander(from)));
  assert.deepEqual(await checkInvariants(database.url), []);
});
