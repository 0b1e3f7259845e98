import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { EVENTS, STATES } from '@switchyard/contracts';
import { next, TRIGGERS } from '@switchyard/lifecycle';
import { REPOSITORY } from '../check/list-files.ts';

const text = await readFile(path.join(REPOSITORY, 'docs/lifecycle.md'), 'utf8');
const ARROW = /^ {2}(\w+|\[\*\]) --> (\w+|\[\*\])(?:: (\w+))?$/;

test('docs/lifecycle.md draws exactly the transition table', () => {
  const drawing = /```mermaid\nstateDiagram-v2\n([^`]*)```/.exec(text)?.[1] ?? '';
  const lines = drawing.trimEnd().split('\n');
  const arrows = lines.map((line) => {
    const [, from, to, trigger] = ARROW.exec(line) ?? assert.fail(`no arrow: ${line}`);
    return { from, to, trigger };
  });
  const drawn = arrows
    .filter(({ from, to }) => from !== '[*]' && to !== '[*]')
    .map(({ from, to, trigger }) => `${from} ${trigger} ${to}`);
  const table = STATES.flatMap((state) =>
    TRIGGERS.flatMap((trigger) => {
      const after = next(state, trigger);
      return after === undefined ? [] : [`${state} ${trigger} ${after}`];
    }),
  );
  assert.deepEqual(drawn.toSorted(), table.toSorted());

  const ends = arrows.filter(({ to }) => to === '[*]').map(({ from }) => from);
  const dead = STATES.filter((state) => TRIGGERS.every((trigger) => !next(state, trigger)));
  assert.deepEqual(ends.toSorted(), dead.toSorted(), 'only what nothing leaves is drawn as an end');
  assert.deepEqual(
    arrows.filter(({ from }) => from === '[*]'),
    [{ from: '[*]', to: 'IN_QUEUE', trigger: 'accept' }],
  );
});

test('docs/lifecycle.md tells every trigger and every event', () => {
  const rows = [...text.matchAll(/^\| `(\w+)` +\|.*\| `(\w+)` +\|$/gm)];
  assert.deepEqual(
    rows.map(([, trigger]) => trigger),
    [...TRIGGERS],
  );
  const told = new Set(rows.map(([, , event]) => event));
  const others = ['accepted', 'escalated'];
  assert.deepEqual(new Set([...told, ...others]), new Set(EVENTS));
});
