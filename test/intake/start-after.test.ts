import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { START_AHEAD_MAX_MS } from '@switchyard/contracts';
import { startDelayed } from '@switchyard/store';
import { claim } from './play-worker.ts';
import { readRows } from './read-rows.ts';
import { startIntake } from './start-intake.ts';

const intake = await startIntake();
after(() => intake[Symbol.asyncDispose]());
const { send } = intake;

const run = (endpoint: string, policy: object) =>
  send(`POST /v2/${endpoint}/run`, { body: { input: 1, policy } });
const statusOf = async (endpoint: string, id: string) =>
  (await send(`GET /v2/${endpoint}/status/${id}`)).json;

test('a job with a start time says so, stands in health, and is not claimed', async () => {
  const endpointId = await intake.makeEndpoint('later');
  const startAtMs = Date.now() + 3_600_000;
  const { json } = await run('later', { startAfter: startAtMs, ttl: 60_000 });
  assert.equal(json.status, 'IN_QUEUE');
  const { switchyard } = await statusOf('later', json.id);
  const start = new Date(startAtMs).toISOString();
  assert.equal(switchyard.waiting.reason, `Its start time has not come: ${start}.`);
  assert.equal(switchyard.waiting.position, 1);
  assert.equal(Date.parse(switchyard.deadline), startAtMs + 60_000);
  assert.equal((await send('GET /v2/later/health')).json.jobs.inQueue, 1);
  assert.deepEqual(await claim(intake, endpointId), []);
  const shown = await send(`GET /v1/jobs/${json.id}`);
  assert.equal(shown.status, 200, shown.text);
  assert.equal(shown.json.status, 'IN_QUEUE');
});

test('a time in any form of ISO 8601, in any zone or none, is the same moment', async () => {
  const endpointId = await intake.makeEndpoint('zones');
  const atMs = Math.floor(Date.now() / 60_000) * 60_000 + 7_200_000;
  const iso = new Date(atMs).toISOString().slice(0, 19);
  const east = new Date(atMs + 5.5 * 3_600_000).toISOString().slice(0, 19);
  const forms = [
    ...[atMs, `${iso}Z`, `${iso}.000z`, `${east}+05:30`, `${east}+0530`],
    ...[iso, iso.slice(0, 16), `${iso.slice(0, 16)}Z`, iso.replaceAll(/[-:]/g, '')],
  ];
  for (const startAfter of forms) {
    const { json, text } = await run('zones', { startAfter });
    assert.ok(json.id, text);
  }
  const rows = await readRows<{ at: Date }>(
    intake.databaseUrl,
    'select start_at as at from delayed where endpoint_id = $1',
    [endpointId],
  );
  assert.deepEqual(
    rows.map(({ at }) => at.getTime()),
    forms.map(() => atMs),
  );
});

test('a time that has passed, or now by a clock a little ahead, starts', async () => {
  const endpointId = await intake.makeEndpoint('past');
  for (const startAfter of [0, '1969-07-20T20:17:40Z', Date.now()])
    await run('past', { startAfter });
  assert.equal((await claim(intake, endpointId, 5)).length, 3);
  await run('past', { startAfter: Date.now() + 300 });
  while ((await startDelayed(intake.store, endpointId)).length === 0) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.equal((await claim(intake, endpointId, 5)).length, 1);
});

test('thirty days ahead are the most, by the clock of the database', async () => {
  await intake.makeEndpoint('bounds');
  const inside = Date.now() + START_AHEAD_MAX_MS - 5_000;
  assert.equal((await run('bounds', { startAfter: inside })).status, 200);
  for (const startAfter of [
    Date.now() + START_AHEAD_MAX_MS + 5_000,
    new Date(Date.now() + START_AHEAD_MAX_MS + 5_000).toISOString(),
    8_640_000_000_000_000,
  ]) {
    const { status, json } = await run('bounds', { startAfter });
    assert.equal(status, 400);
    assert.match(json.detail, /policy\.startAfter .*30 days \(2592000000 ms\) ahead/);
    assert.ok(json.detail.includes(String(startAfter)), json.detail);
  }
});

test('a paused endpoint takes jobs and starts none until it is resumed', async () => {
  const endpointId = await intake.makeEndpoint('resting');
  const heard: string[] = [];
  const stop = new AbortController();
  const hear = ({ topic }: { topic: string }) => void heard.push(topic);
  await intake.broker.listen('switchyard.hint.nudge.*', hear, stop.signal);
  assert.equal((await send('POST /v1/endpoints/resting/pause')).json.paused, true);
  const { json } = await run('resting', {});
  assert.deepEqual(await claim(intake, endpointId), []);
  const { switchyard } = await statusOf('resting', json.id);
  assert.equal(switchyard.waiting.reason, 'The endpoint is paused.');
  heard.length = 0;
  assert.equal((await send('POST /v1/endpoints/resting/resume', { body: {} })).json.paused, false);
  assert.equal((await claim(intake, endpointId)).length, 1);
  assert.deepEqual(heard, ['switchyard.hint.nudge.resting']);
  const { json: audit } = await send('GET /v1/audit');
  const actions = JSON.stringify(audit);
  assert.ok(actions.includes('endpoint.pause') && actions.includes('endpoint.resume'));
  stop.abort();
});
