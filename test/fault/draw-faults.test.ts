import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawFaults } from './draw-faults.ts';
import { seededRandom } from './random.ts';

const familyOf = (kind: string): string => kind.split('-')[0] ?? kind;

test('the same seed draws the same faults, another one others', () => {
  const draw = (seed: number) => drawFaults(seededRandom(seed), 60);
  assert.deepEqual(draw(7), draw(7));
  assert.notDeepEqual(draw(7), draw(8));
});

test('each family has its share, and within it everything comes', () => {
  const faults = drawFaults(seededRandom(1), 2_000);
  const counts = Map.groupBy(faults, ({ kind }) => familyOf(kind));
  const shares = [...counts].map(([family, drawn]) => [family, drawn.length]);
  assert.deepEqual(Object.fromEntries(shares), {
    kill: 700,
    stop: 300,
    postgres: 300,
    broker: 300,
    network: 300,
    clock: 100,
  });
  assert.equal(new Set(faults.map(({ kind }) => kind)).size, 16);
  const stops = faults.filter(({ kind }) => kind === 'stop').map(({ holdMs }) => holdMs);
  assert.ok(Math.min(...stops) >= 1_000 && Math.max(...stops) <= 60_000);
  assert.ok(stops.filter((ms) => ms <= 5_000).length > stops.length / 2);
  assert.ok(stops.some((ms) => ms > 30_000));
});
