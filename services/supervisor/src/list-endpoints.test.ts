import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Endpoint, EndpointId } from '@switchyard/contracts';
import { createEndpointList } from './list-endpoints.ts';

const idOf = (name: string) => name as EndpointId;

/** A list of `stored`, which the test adds to, and how often it was read. */
const openList = (...stored: string[]) => {
  let reads = 0;
  const list = createEndpointList(async () => {
    reads += 1;
    return stored.map((id) => ({ id }) as Endpoint);
  });
  return { list, stored, reads: () => reads };
};

test('an endpoint that was made since the last look is found', async () => {
  const { list, stored, reads } = openList('old');
  await list.learn();
  assert.equal(await list.has(idOf('old')), true);
  assert.equal(reads(), 1);
  stored.push('new');
  assert.equal(await list.has(idOf('new')), true);
  assert.deepEqual(
    list.all().map(({ id }) => id),
    ['old', 'new'],
  );
});

test('those who ask for unknown ones at once share a look, and looks are rare', async () => {
  const { list, reads } = openList();
  const startedMs = performance.now();
  for (let round = 0; round < 3; round += 1) {
    const asked = Array.from({ length: 100 }, (_, at) => list.has(idOf(`no-${at}`)));
    assert.ok((await Promise.all(asked)).every((known) => !known));
  }
  assert.equal(reads(), 3);
  assert.ok(performance.now() - startedMs > 700);
});
