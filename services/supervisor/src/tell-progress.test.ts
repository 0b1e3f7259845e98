import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newJobId, parseEndpointId, parseWorkerId, topics } from '@switchyard/contracts';
import { createLog, createMetrics } from '@switchyard/runtime';
import { createProgressTeller, type Progress } from './tell-progress.ts';

test('progress beyond the bound is dropped and counted, and logged once a minute', async () => {
  const hints: string[] = [];
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const metrics = createMetrics({ service: 'test' });
  const tell = createProgressTeller({
    broker: { hint: (topic) => void hints.push(topic) },
    log: createLog({ level: 'info', pretty: false, service: 'test', instance: '1', destination }),
    metrics,
  });
  const progress = (length: number): Progress => ({
    endpointId: parseEndpointId('echo') ?? assert.fail(),
    workerId: parseWorkerId('w1') ?? assert.fail(),
    jobId: newJobId('async'),
    claimNo: 1,
    output: Buffer.from(`"${'x'.repeat(length - 2)}"`),
  });
  assert.equal(tell(progress(65_536)), true);
  assert.equal(tell(progress(65_537)), false);
  assert.equal(tell(progress(65_537)), false);
  assert.deepEqual(hints, [topics.progress]);
  assert.match((await metrics.render()).body, /progress_too_large_total\{[^}]*\} 2$/m);
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? '', /must be <= 65536 bytes/);
});
