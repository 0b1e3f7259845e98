import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { newJobId } from '@switchyard/contracts';
import { startContractServer } from './contract-server.fixture.ts';
import { JOB_ID } from './operations-routes.fixture.ts';
import { ago, duration } from './output/times.ts';
import { runCli } from './run-cli.fixture.ts';

let server: Awaited<ReturnType<typeof startContractServer>>;
before(async () => {
  server = await startContractServer();
});
after(() => server[Symbol.asyncDispose]());

const run = (...args: readonly string[]) => runCli(args, { url: server.url });

test('jobs: a table, over pages of which one holds nothing', async () => {
  const list = await run('jobs', '--status', 'FAILED', '--since', '2026-01-01T00:00:00Z');
  assert.equal(list.code, 0, list.err);
  const lines = list.out.trimEnd().split('\n');
  assert.match(lines[0] ?? '', /^ID +ENDPOINT +STATUS +PRIORITY +CREATED +DELAY +RAN +WORKER$/);
  assert.equal(lines.length, 3);
  assert.match(lines[1] ?? '', new RegExp(`^${JOB_ID} +echo +FAILED +high .*2 min 5 s +w1$`));
  const sent = server.seen.filter(({ line }) => line.startsWith('GET /v1/jobs?')).at(0)?.line ?? '';
  assert.match(sent, /status=FAILED/);
  assert.match(sent, /from=1767225600000/);
});

test('jobs: as many as are asked for, and JSON is one a line', async () => {
  const one = await run('jobs', '--limit', '1', '--json');
  assert.equal(one.out.trimEnd().split('\n').length, 1);
  assert.equal(JSON.parse(one.out).id, JOB_ID);
  assert.match((await run('jobs', '--limit', '1')).err, /there are more; --limit 1 was reached/);
  for (const wrong of [
    ['--status', 'DONE'],
    ['--since', 'yesterday'],
    ['--limit', '0'],
  ]) {
    assert.equal((await run('jobs', ...wrong)).code, 2, wrong.join(' '));
  }
});

test('job: its history with the time since it was accepted', async () => {
  const shown = await run('job', JOB_ID);
  assert.equal(shown.code, 0, shown.err);
  assert.match(shown.out, /^attempt +2 of 2$/m);
  assert.match(shown.out, /^error +no\\u001B\[2J luck$/m);
  assert.match(shown.out, /^2026-01-01T00:00:00.000Z +\+0 ms +accepted +It was accepted\.$/m);
  assert.match(shown.out, /\+1\.5 s +started +Attempt 1 of 2 began on w1\.$/m);
  assert.match(shown.out, /\+1 h 2 min +requeued +It went back/m);
  assert.match(shown.out, /^https:\/\/hooks\.example +open +1 +2026-\S+ +10\.0 s +503$/m);
  assert.equal(JSON.parse((await run('job', JOB_ID, '--json')).out).events.length, 3);
  const absent = await run('job', newJobId('async'));
  assert.equal(absent.code, 1);
  assert.equal((await run('job', 'x')).code, 2);
});

test('workers: what each runs, and why it is not well', async () => {
  const list = await run('workers', '--endpoint', 'echo');
  assert.equal(list.code, 0, list.err);
  assert.match(
    list.out,
    new RegExp(
      `^w1 +echo +unhealthy +3 of 4 +\\d+ d.* ago +5f0c7a52 +${JOB_ID} b and 1 more +it`,
      'm',
    ),
  );
  assert.equal(JSON.parse((await run('workers', '--json')).out)[0].id, 'w1');
});

test('endpoints: made, paused, resumed, and deleted only when that is meant', async () => {
  assert.match((await run('endpoints', 'create', 'made', '--name', 'New')).out, /^made +New /m);
  assert.match((await run('endpoints', 'pause', 'echo')).out, /^echo .* yes$/m);
  assert.match((await run('endpoints', 'resume', 'echo')).out, /^echo .* no$/m);
  assert.equal((await run('endpoints', 'delete', 'made')).code, 2);
  assert.equal((await run('endpoints', 'delete', 'made', '--yes')).out, 'made is deleted\n');
  assert.equal((await run('endpoints', 'pause', 'nowhere')).code, 1);
});

test('durations have the two units that matter', () => {
  const expected: readonly [number, string][] = [
    [0, '0 ms'],
    [999, '999 ms'],
    [1_000, '1.0 s'],
    [59_900, '59.9 s'],
    [60_000, '1 min'],
    [3_599_000, '59 min 59 s'],
    [3_600_000, '1 h'],
    [90_000_000, '1 d 1 h'],
  ];
  for (const [ms, text] of expected) assert.equal(duration(ms), text);
  assert.equal(ago(new Date(Date.now() + 60_000).toISOString()), 'now');
  assert.equal(ago(new Date(Date.now() - 65_500).toISOString()), '1 min 5 s ago');
});
