import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { type Failpoints, openFailpoints } from './failpoints.ts';

/** Passes `name` and tells what came, and whether the work was done. */
const pass = async (points: Failpoints, name: string): Promise<string> => {
  let done = '';
  const work = async (): Promise<string> => {
    done = ' after the work';
    return 'fine';
  };
  const came = await points.around(name, work, () => 'failed');
  return `${came}${done}`;
};

test('a point fails at the pass that was said, before or after its work', async () => {
  const points = openFailpoints('a.b=error@2;a.c=lost@*; a.d=error');
  assert.equal(await pass(points, 'a.b'), 'fine after the work');
  assert.equal(await pass(points, 'a.b'), 'failed');
  assert.equal(await pass(points, 'a.b'), 'fine after the work');
  for (let n = 0; n < 3; n += 1) assert.equal(await pass(points, 'a.c'), 'failed after the work');
  assert.equal(await pass(points, 'a.d'), 'failed');
  assert.equal(await pass(points, 'a.d'), 'fine after the work');
  assert.equal(await pass(points, 'other'), 'fine after the work');
});

test('a delay holds the work back', async () => {
  const points = openFailpoints('a=delay:50');
  const startedMs = performance.now();
  assert.equal(await pass(points, 'a'), 'fine after the work');
  assert.ok(performance.now() - startedMs >= 49);
});

test('what is sent and not waited for is not sent, or later', async () => {
  const points = openFailpoints('hint=error;other=delay:10');
  const sent: string[] = [];
  points.send('hint', () => sent.push('first'));
  points.send('hint', () => sent.push('second'));
  assert.deepEqual(sent, ['second']);
  const { promise, resolve } = Promise.withResolvers<void>();
  points.send('other', resolve);
  await promise;
});

test('what cannot be read is refused, and named', () => {
  assert.throws(() => openFailpoints('a.b=explode'), /"a.b=explode" is not POINT=/);
  assert.throws(() => openFailpoints('nothing'), TypeError);
});

test('a file arms a process that runs, and each strikes once, whoever passes', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard-failpoints-'));
  try {
    const file = path.join(folder, 'armed');
    const [one, two] = [openFailpoints(file), openFailpoints(file)];
    assert.equal(await pass(one, 'a'), 'fine after the work');
    await writeFile(file, 'a=error\nb=lost');
    assert.equal(await pass(one, 'a'), 'failed');
    assert.equal(await pass(two, 'a'), 'fine after the work');
    assert.equal(await pass(two, 'b'), 'failed after the work');
    assert.equal(await readFile(`${file}.hits`, 'utf8'), 'a=error\nb=lost\n');
    await writeFile(file, '');
    await rm(`${file}.hits`);
    assert.equal(await pass(one, 'a'), 'fine after the work');
  } finally {
    await rm(folder, { recursive: true });
  }
});

for (const [mode, printed] of [
  ['crash-before', ''],
  ['crash-after', 'worked'],
] as const) {
  test(`${mode} ends the process at once`, async () => {
    const program = `
      import { writeSync } from 'node:fs';
      import { openFailpoints } from ${JSON.stringify(import.meta.resolve('./failpoints.ts'))};
      const points = openFailpoints('a=${mode}');
      process.on('exit', () => writeSync(1, 'an exit hook ran'));
      await points.around('a', async () => { writeSync(1, 'worked'); }, () => undefined);
      writeSync(1, 'lived on');`;
    const args = ['--input-type=module', '--eval', program];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    assert.equal(await text(child.stdout), printed);
    assert.deepEqual(await exited, [null, 'SIGKILL']);
  });
}
