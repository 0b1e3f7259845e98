import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { type JobEvent, madeAtMs, parseJobId } from '@switchyard/contracts';
import { requeueJobs } from '@switchyard/store';
import { claim, finish } from './play-worker.ts';
import { readRows } from './read-rows.ts';
import { startIntake } from './start-intake.ts';

const intake = await startIntake();
after(() => intake[Symbol.asyncDispose]());
const { send } = intake;

const submit = async (endpoint: string, body: object = { input: 1 }): Promise<string> =>
  (await send(`POST /v2/${endpoint}/run`, { body })).json.id;
const idsIn = (json: { jobs: { id: string }[] }) => json.jobs.map(({ id }) => id);

test('jobs are searched over endpoints, and a limited key sees its own', async () => {
  await intake.makeEndpoint('first');
  await intake.makeEndpoint('second');
  const ids: string[] = [];
  for (const endpoint of ['first', 'second', 'first', 'second', 'first']) {
    ids.push(await submit(endpoint, { input: 1, policy: { lowPriority: endpoint === 'second' } }));
  }
  ids.reverse();
  assert.deepEqual(idsIn((await send('GET /v1/jobs')).json), ids);
  const page = (await send('GET /v1/jobs?limit=3')).json;
  assert.deepEqual(idsIn(page), ids.slice(0, 3));
  const rest = (await send(`GET /v1/jobs?limit=3&cursor=${page.cursor}`)).json;
  assert.deepEqual(idsIn(rest), ids.slice(3));
  assert.equal(rest.cursor, null);
  const key = await intake.makeKey(['read'], ['second']);
  const own = (await send('GET /v1/jobs', { key })).json;
  assert.deepEqual(
    new Set(own.jobs.map((job: { endpoint: string }) => job.endpoint)),
    new Set(['second']),
  );
  assert.equal(
    (await send('GET /v1/jobs?endpoint=first', { key })).json.code,
    'endpoint.not_found',
  );
  assert.equal((await send('GET /v1/jobs?endpoint=none')).json.code, 'endpoint.not_found');
  assert.equal((await send('GET /v1/jobs?priority=low')).json.jobs.length, 2);
  assert.equal((await send('GET /v1/jobs?status=COMPLETED')).json.jobs.length, 0);
  const third = parseJobId(ids[2] ?? '');
  assert.ok(third);
  const after_ = (await send(`GET /v1/jobs?from=${madeAtMs(third) + 1}`)).json;
  assert.ok(!idsIn(after_).includes(third));
  const iso = new Date(madeAtMs(third) + 1).toISOString();
  const before = (await send(`GET /v1/jobs?to=${encodeURIComponent(iso)}`)).json;
  assert.ok(idsIn(before).includes(third));
  assert.equal(after_.jobs.length + before.jobs.length, 5);
  assert.equal((await send('GET /v1/jobs?from=2026-01-01')).json.jobs.length, 5);
});

test('what is asked for wrongly is named', async () => {
  for (const query of [
    'status=x',
    'priority=1',
    'from=yesterday',
    'to=2026-W01-4',
    'cursor=x',
    'limit=0',
    'worker=a%20b',
  ]) {
    const answer = await send(`GET /v1/jobs?${query}`);
    assert.equal(answer.status, 400, query);
    assert.match(answer.json.detail, new RegExp(`^${query.split('=')[0]} `), query);
  }
  assert.equal((await send('GET /v1/audit?cursor=x')).status, 400);
});

test('a job is shown with its whole history', async () => {
  const endpointId = await intake.makeEndpoint('told', { limits: { maxAttempts: 2 } });
  const webhook = 'https://example.com/secret-path?token=1';
  const id = await submit('told', { input: { a: 1 }, webhook });
  const lose = async (reason: 'not_handed_over' | 'worker_lost' | 'worker_exited') => {
    const [job] = await claim(intake, endpointId);
    assert.ok(job);
    await requeueJobs(intake.store, endpointId, 'test', reason, [job]);
  };
  await lose('not_handed_over');
  await lose('worker_lost');
  await lose('worker_exited');
  await send(`POST /v2/told/retry/${id}`);
  const [job] = await claim(intake, endpointId);
  assert.ok(job);
  await finish(intake, endpointId, job.jobId, { error: '"it \\u0041 broke"' });
  const shown = await send(`GET /v1/jobs/${id}`);
  assert.equal(shown.status, 200, shown.text);
  const { events, deliveries, policy, ...rest } = shown.json;
  assert.equal(rest.status, 'FAILED');
  assert.equal(rest.error, 'it A broke');
  assert.deepEqual([rest.endpoint, rest.attempt, rest.maxAttempts], ['told', 1, 2]);
  assert.equal(rest.inputBytes, 7);
  assert.deepEqual(policy, { executionTimeout: 600_000, ttl: 86_400_000, lowPriority: false });
  assert.deepEqual(
    events.map(({ seq, attempt, claimNo, spent, text }: JobEvent) => [
      seq,
      attempt,
      claimNo,
      spent,
      text,
    ]),
    [
      [1, undefined, undefined, undefined, 'It was accepted.'],
      [2, 1, 1, undefined, 'Attempt 1 of 2 began on w-1.'],
      [
        3,
        1,
        1,
        false,
        'It went back to the queue: it could not be handed over. No attempt is spent.',
      ],
      [4, 1, 2, undefined, 'Attempt 1 of 2 began on w-1.'],
      [
        5,
        1,
        2,
        true,
        'It went back to the queue: its worker was not heard of any more. Attempt 1 is spent.',
      ],
      [6, 2, 3, undefined, 'Attempt 2 of 2 began on w-1.'],
      [
        7,
        2,
        3,
        undefined,
        'It failed: its worker ended in the middle of it, and attempt 2 was the last.',
      ],
      [8, undefined, undefined, undefined, 'A client queued it again, with all of its attempts.'],
      [9, 1, 4, undefined, 'Attempt 1 of 2 began on w-1.'],
      [10, 1, 4, undefined, 'It failed: its worker said so.'],
    ],
  );
  assert.equal(deliveries.length, 2);
  assert.equal(deliveries[0].target, 'https://example.com');
  assert.ok(!shown.text.includes('secret-path'));
});

test('a queued job says why it waits', async () => {
  await intake.makeEndpoint('waits');
  const id = await submit('waits');
  const { json } = await send(`GET /v1/jobs/${id}?endpoint=waits`);
  assert.equal(json.waiting.position, 1);
  assert.equal(json.status, 'IN_QUEUE');
});

test('a job that is not there, or not of this key, is 404; past retention 410', async () => {
  await intake.makeEndpoint('here', { retentionMs: 1_000 });
  await intake.makeEndpoint('there');
  const id = await submit('there');
  const key = await intake.makeKey(['read'], ['here']);
  const seen = await send(`GET /v1/jobs/${id}`, { key, headers: { 'x-request-id': 'same' } });
  const absent = await send('GET /v1/jobs/0198c0de-7a11-7000-8000-5a5a5a5a5a5a', {
    key,
    headers: { 'x-request-id': 'same' },
  });
  assert.deepEqual([seen.status, seen.text], [absent.status, absent.text]);
  assert.equal(seen.json.code, 'job.not_found');
  assert.equal(
    (await send(`GET /v1/jobs/${id}?endpoint=there`, { key })).json.code,
    'endpoint.not_found',
  );
  assert.equal((await send(`GET /v1/jobs/${id}?endpoint=here`)).status, 404);
  const old = await send('GET /v1/jobs/01900000-0000-7000-8000-000000000000?endpoint=here');
  assert.equal(old.json.code, 'job.expired');
});

test('workers, supervisors and the audit are listed within the limits of the key', async () => {
  await intake.makeEndpoint('manned');
  await readRows(
    intake.databaseUrl,
    `insert into workers (endpoint_id, worker_id, instance, state, reason)
      values ('manned', 'w-9', 's-9', 'unhealthy', 'it is hot')`,
  );
  await readRows(
    intake.databaseUrl,
    `insert into supervisors (instance, host, pid) values ('s-9', 'box', 7)`,
  );
  const { workers } = (await send('GET /v1/workers?endpoint=manned')).json;
  assert.equal(workers.length, 1);
  assert.deepEqual(
    [workers[0].id, workers[0].state, workers[0].reason, workers[0].supervisor],
    ['w-9', 'unhealthy', 'it is hot', 's-9'],
  );
  const { supervisors } = (await send('GET /v1/supervisors')).json;
  assert.deepEqual(
    [supervisors[0].instance, supervisors[0].host, supervisors[0].alive],
    ['s-9', 'box', true],
  );
  const limited = await intake.makeKey(['admin'], ['first']);
  assert.deepEqual((await send('GET /v1/workers', { key: limited })).json.workers, []);
  assert.deepEqual((await send('GET /v1/supervisors', { key: limited })).json.supervisors, []);
  const all: { action: string; target: string }[] = (await send('GET /v1/audit')).json.entries;
  assert.ok(all.length >= 3);
  assert.equal(all[0]?.action, 'endpoint.create');
  const own: { target: string }[] = (await send('GET /v1/audit', { key: limited })).json.entries;
  assert.deepEqual(
    own.map(({ target }) => target),
    ['first'],
  );
  const page = (await send('GET /v1/audit?limit=1')).json;
  const next = (await send(`GET /v1/audit?limit=1&cursor=${page.cursor}`)).json;
  assert.deepEqual([page.entries[0], next.entries[0]], all.slice(0, 2));
});

test('nothing of this was worth a complaint in the log', () => {
  assert.deepEqual(intake.complaints, []);
});
