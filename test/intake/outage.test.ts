import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Store, StoreUnavailable } from '@switchyard/store';
import { startPostgres } from '../support/postgres.ts';
import { startIntake, type TestIntake } from './start-intake.ts';

type Fault = (run: () => Promise<object[]>) => Promise<object[]>;

/** A store whose statements of a name go through `fault`, which may change for each. */
const withFaults = (
  names = /^accept_/,
): { wrap: (store: Store) => Store; set: (fault: Fault) => void } => {
  let fault: Fault = (run) => run();
  const through = (given: Store['run']): Store['run'] => {
    return async <Row extends object>(...[statement, values]: Parameters<Store['run']>) => {
      const run = () => given<Row>(statement, values);
      return names.test(statement.name) ? ((await fault(run)) as Row[]) : run();
    };
  };
  return {
    set: (next) => {
      fault = next;
    },
    wrap: (store) => ({
      ...store,
      run: through(store.run),
      runPinned: through(store.runPinned),
    }),
  };
};

const lost = () => new StoreUnavailable(new Error('Connection terminated unexpectedly'));

const submit = (intake: TestIntake, headers = {}) =>
  intake.send('POST /v2/echo/run', { body: { input: 1 }, headers });

test('a commit whose confirmation was lost is found, and answered as stored', async () => {
  const faults = withFaults();
  await using intake = await startIntake(faults);
  await intake.makeEndpoint('echo');
  faults.set(async (run) => {
    await run();
    throw lost();
  });
  const answers = await Promise.all([
    ...Array.from({ length: 20 }, () => submit(intake)),
    submit(intake, { 'idempotency-key': 'k' }),
  ]);
  for (const { status, json, text } of answers) {
    assert.equal(status, 200, text);
    assert.equal((await intake.send(`GET /v2/echo/status/${json.id}`)).json.status, 'IN_QUEUE');
  }
  const again = await submit(intake, { 'idempotency-key': 'k' });
  assert.equal(again.json.id, answers.at(-1)?.json.id);
});

test('a commit that is not found is unknown, with the id to ask for', async () => {
  const faults = withFaults();
  await using intake = await startIntake(faults);
  await intake.makeEndpoint('echo');
  faults.set(() => Promise.reject(lost()));
  const { status, json, headers } = await submit(intake);
  assert.equal(status, 503);
  assert.equal(json.code, 'outcome_unknown');
  assert.equal(headers.get('retry-after'), '1');
  assert.equal((await intake.send(`GET /v2/echo/status/${json.id}`)).status, 404);
});

test('a retry, cancel or purge whose confirmation was lost is unknown, not refused', async () => {
  const faults = withFaults(/^(retry_job|cancel_jobs|purge_)/);
  await using intake = await startIntake(faults);
  await intake.makeEndpoint('echo');
  const { id } = (await submit(intake)).json;
  const doomed = (await submit(intake)).json.id;
  faults.set(async (run) => {
    await run();
    throw lost();
  });
  const paths = [`cancel/${id}`, 'purge-queue', `retry/${doomed}`];
  const ids = [id, undefined, doomed];
  for (const [index, path] of paths.entries()) {
    const { status, json, headers } = await intake.send(`POST /v2/echo/${path}`, { body: {} });
    assert.deepEqual([status, json.code, json.id], [503, 'outcome_unknown', ids[index]], path);
    assert.equal(headers.get('retry-after'), '1');
  }
  // Without an answer that may have come: nothing was done, for certain.
  faults.set(() =>
    Promise.reject(new StoreUnavailable(Object.assign(new Error(), { code: 'ECONNREFUSED' }))),
  );
  const refused = await intake.send(`POST /v2/echo/cancel/${doomed}`, { body: {} });
  assert.deepEqual([refused.status, refused.json.code], [503, 'store.unavailable']);
});

test('behind an accept that hangs the others are refused in time, unstored', async () => {
  const faults = withFaults();
  await using intake = await startIntake(faults);
  await intake.makeEndpoint('echo');
  const isHanging = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  faults.set(async (run) => {
    isHanging.resolve();
    await released.promise;
    return run();
  });
  const first = submit(intake);
  await isHanging.promise;
  const beforeMs = performance.now();
  const others = await Promise.all(Array.from({ length: 10 }, () => submit(intake)));
  assert.ok(performance.now() - beforeMs < 3_000);
  for (const { status, json } of others) {
    assert.equal(status, 503);
    assert.equal(json.code, 'store.unavailable');
  }
  released.resolve();
  assert.equal((await first).status, 200);
  assert.equal((await submit(intake)).status, 200);
  assert.equal((await intake.send('GET /v2/echo/health')).json.jobs.inQueue, 2);
});

test('a defect of one job hurts only that job, and is told once in the log', async () => {
  const faults = withFaults();
  await using intake = await startIntake(faults);
  await intake.makeEndpoint('echo');
  faults.set(() => Promise.reject(new TypeError('made for this test')));
  const { status, json, text } = await submit(intake);
  assert.equal(status, 500);
  assert.equal(json.code, 'server.defect');
  assert.doesNotMatch(text, /made for this test/);
  assert.equal(intake.complaints.length, 1);
  assert.match(intake.complaints[0] ?? '', /made for this test/);
  assert.match((await intake.send('GET /metrics')).text, /switchyard_http_defects_total\S* 1/);
});

test('while Postgres is away every answer is a quick 503, and then all is well again', async () => {
  await using postgres = await startPostgres({ fsync: false });
  await using intake = await startIntake({ databaseUrl: await postgres.createDatabase() });
  await intake.makeEndpoint('echo');
  const key = await intake.makeKey(['submit', 'read']);
  const { id } = (await intake.send('POST /v2/echo/run', { key, body: { input: 1 } })).json;
  await postgres.stop('immediate');
  const lines = ['POST /v2/echo/run', `GET /v2/echo/status/${id}`, 'GET /v2/echo/health'];
  for (let round = 0; round < 5; round += 1) {
    const beforeMs = performance.now();
    const answers = await Promise.all(
      lines.flatMap((line) =>
        Array.from({ length: 20 }, () =>
          intake.send(line, { key, ...(line.startsWith('POST') ? { body: { input: 2 } } : {}) }),
        ),
      ),
    );
    assert.ok(performance.now() - beforeMs < 3_500, 'refused in time');
    for (const { status, json, headers } of answers) {
      assert.equal(status, 503);
      assert.match(json.code, /^(store\.unavailable|outcome_unknown)$/);
      assert.match(headers.get('retry-after') ?? '', /^\d+$/);
    }
  }
  await postgres.start();
  const submitOnce = () => intake.send('POST /v2/echo/run', { key, body: { input: 3 } });
  const backByMs = performance.now() + 5_000;
  while ((await submitOnce()).status !== 200) assert.ok(performance.now() < backByMs, 'is back');
  assert.equal((await intake.send(`GET /v2/echo/status/${id}`)).json.status, 'IN_QUEUE');
  assert.deepEqual(
    intake.complaints.filter((line) => line.includes('defect')),
    [],
  );
});
