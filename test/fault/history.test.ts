import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { openJournal, type RunLine, readHistory } from './history.ts';

test('a run of a worker is told whole, and one that was cut short without its end', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard-history-'));
  try {
    const file = path.join(folder, 'runs-one');
    const start = { workerId: 'one', endpoint: 'echo', atMs: 1, inputSha256: 'aa' };
    using journal = openJournal<RunLine>(file);
    journal.write({ run: '1', jobId: 'first', ...start });
    journal.write({ run: '2', jobId: 'second', ...start });
    journal.write({ run: '1', endedAtMs: 5, how: 'returned', outputSha256: 'bb' });
    appendFileSync(file, '{"run":"2","ended');

    assert.deepEqual(readHistory(folder).runs, [
      { jobId: 'first', ...start, endedAtMs: 5, how: 'returned', outputSha256: 'bb' },
      { jobId: 'second', ...start },
    ]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
