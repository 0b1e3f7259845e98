import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REPOSITORY } from '../../support/start-switchyard.ts';
import { MUTANTS } from './index.ts';
import { countPlaces } from './mutant.ts';

test('each seeded defect fits the code as it stands', () => {
  assert(MUTANTS.length >= 20, `${MUTANTS.length} mutants`);
  for (const { name, patches } of MUTANTS) {
    for (const patch of patches) {
      assert.equal(countPlaces(REPOSITORY, patch), 1, `${name}: ${patch.file}`);
    }
  }
});
