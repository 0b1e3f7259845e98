import assert from 'node:assert/strict';
import { test } from 'node:test';
import { median, quantile, tellSpread } from './figures.ts';
import { tellTargets } from './judge-targets.ts';
import { MEASURES } from './measures.ts';
import type { Reading } from './readings.ts';
import { TARGETS, type Target } from './targets.ts';

const reading = (subject: string, repetition: number, jobsPerSecond: number): Reading => ({
  measure: 'drain',
  subject,
  repetition,
  figures: { jobsPerSecond },
});
const mark = (subject: string) => ({ measure: 'drain', subject, figure: 'jobsPerSecond' });
const target: Target = {
  name: 'drain',
  ours: mark('ours'),
  others: [mark('slow'), mark('fast'), mark('absent')],
  better: 'more',
  bound: 1.1,
};

test('a target holds ours against the best of the others, repetition by repetition', () => {
  // The machine was half as fast in the second: that is no matter of ours.
  const readings = [
    ...[reading('ours', 1, 120), reading('slow', 1, 10), reading('fast', 1, 100)],
    ...[reading('ours', 2, 60), reading('slow', 2, 5), reading('fast', 2, 50)],
  ];
  assert.match(tellTargets(readings, [target]), /drain +fast +1\.2 × +≥ 1\.1 +reached/);
  const strict = { ...target, bound: 1.3 };
  assert.match(tellTargets(readings, [strict]), /MISSED\n0 of 1 judged/);
});

test('less is better where it is said, and a bare figure is its own measure', () => {
  const less: Target = { ...target, better: 'less', others: [], bound: 5 };
  assert.match(tellTargets([reading('ours', 1, 4)], [less]), /itself +4 +≤ 5 +reached/);
  assert.match(tellTargets([reading('ours', 1, 6)], [less]), /MISSED/);
});

test('what was not read is not judged', () => {
  assert.match(tellTargets([reading('ours', 1, 4)], [target]), /0 of 0 judged/);
});

test('every target is of a measure that there is', () => {
  const names = new Set(MEASURES.map(({ name }) => name));
  for (const { name, ours, others } of TARGETS) {
    for (const { measure } of [ours, ...others]) assert(names.has(measure), `${name}: ${measure}`);
  }
});

test('medians and quantiles', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.equal(quantile([1, 2, 3, 4], 0.5), 3);
  assert.equal(quantile([1, 2, 3, 4], 0.99), 4);
  assert.equal(tellSpread({ median: 1234.5, min: 1, max: 2_000 }), '1,235 [1–2,000]');
});
