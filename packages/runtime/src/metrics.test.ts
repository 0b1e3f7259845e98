import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMetrics } from './metrics.ts';

test('metrics of ours and of Node are rendered for Prometheus', async () => {
  const metrics = createMetrics({ service: 'intake' });
  metrics.counter('switchyard_jobs_accepted_total', 'Jobs.', ['endpoint']).add(2, {
    endpoint: 'a"b\n',
  });
  metrics.gauge('switchyard_waiting', 'Waiting.').set(7);
  metrics.gauge('switchyard_asked', 'Asked.', [], () => 3);
  metrics.histogram('switchyard_accept_seconds', 'Time.').observe(0.004);
  const { contentType, body } = await metrics.render();
  assert.match(contentType, /^text\/plain; version=0\.0\.4/);
  for (const line of [
    'switchyard_jobs_accepted_total{endpoint="a\\"b\\n",service="intake"} 2',
    'switchyard_waiting{service="intake"} 7',
    'switchyard_asked{service="intake"} 3',
    'switchyard_accept_seconds_bucket{le="0.005",service="intake"} 1',
  ]) {
    assert.ok(body.split('\n').includes(line), line);
  }
  assert.match(body, /^nodejs_eventloop_lag_seconds/m);
});

test('services of one process share a metric by its name', async () => {
  const metrics = createMetrics({ service: 'all' });
  for (let n = 0; n < 2; n += 1) metrics.counter('switchyard_x_total', 'X.').add(1);
  assert.match((await metrics.render()).body, /^switchyard_x_total\{service="all"\} 2$/m);
  assert.throws(() => metrics.gauge('switchyard_x_total', 'X.'), TypeError);
  assert.throws(() => metrics.counter('switchyard_x_total', 'X.', ['y']), TypeError);
  assert.throws(() => metrics.counter('Other-name', 'X.'), TypeError);
});

test('label values without bound take bounded room', async () => {
  const metrics = createMetrics({ service: 'all' });
  const counter = metrics.counter('switchyard_y_total', 'Y.', ['endpoint']);
  for (let n = 0; n < 5_000; n += 1) counter.add(1, { endpoint: `e${n}` });
  const { body } = await metrics.render();
  const lines = body.split('\n').filter((line) => line.startsWith('switchyard_y_total{'));
  assert.equal(lines.length, 1_001);
  assert.ok(lines.includes('switchyard_y_total{endpoint="other",service="all"} 4000'));
});

test('a series with its labels given counts into the same metric', async () => {
  const metrics = createMetrics({ service: 'all' });
  const counter = metrics.counter('switchyard_z_total', 'Z.', ['status']);
  const series = counter.with({ status: '200' });
  series.add(2);
  counter.add(1, { status: '200' });
  const lines = async (): Promise<string[]> => (await metrics.render()).body.split('\n');
  assert.ok((await lines()).includes('switchyard_z_total{status="200",service="all"} 3'));
  series.add(1);
  assert.ok((await lines()).includes('switchyard_z_total{status="200",service="all"} 4'));
});
