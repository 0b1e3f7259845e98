import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Store, StoreUnavailable } from '@switchyard/store';
import { checkInvariants } from '../support/invariants.ts';
import { startPostgres } from '../support/postgres.ts';
import { type Bulk, openBulk } from './open-bulk.ts';
import { readRows } from './read-rows.ts';
import { ROOT_KEY, startIntake, type TestIntake } from './start-intake.ts';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

type Fault = (run: () => Promise<object[]>, jobs: number) => Promise<object[]>;

/** A store whose accepts go through `fault`. */
const withFault =
  (fault: Fault) =>
  (store: Store): Store => ({
    ...store,
    run: async <Row extends object>(...given: Parameters<Store['run']>) => {
      const run = () => store.run<Row>(...given);
      if (!given[0].name.startsWith('accept_')) return run();
      // The third parameter holds the ids: a head, then 20 bytes each.
      const ids = given[1][2];
      const jobs = Buffer.isBuffer(ids) ? (ids.length - 20) / 20 : 0;
      return (await fault(run, jobs)) as Row[];
    },
  });

const lineOf = (n: number, bytes = 0): string =>
  `{"input":{"n":${n},"x":"${'x'.repeat(bytes)}"}}\n`;

const storedIn = async (intake: TestIntake): Promise<Set<string>> => {
  const rows = await readRows<{ id: string }>(
    intake.databaseUrl,
    'select job_id::text as id from jobs',
  );
  return new Set(rows.map(({ id }) => id));
};

/** What is held, in bytes, without what the collector has yet to take. */
const heldBytes = (): number => {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

test('100,000 lines, 150 MB of them, pass through in a memory that stays flat', async () => {
  await using intake = await startIntake();
  await intake.makeEndpoint('echo');
  const bulk = openBulk(intake.url, 'echo');
  const line = lineOf(1, 1_500);
  const held: number[] = [];
  const writing = (async () => {
    for (let n = 0; n < 100_000; n += 100) {
      await bulk.write(line.repeat(100));
      if (n % 5_000 === 0) held.push(heldBytes());
    }
    bulk.end();
  })();
  let answered = 0;
  for (let next = await bulk.next(); next !== undefined; next = await bulk.next()) {
    assert.equal(next.status, 'IN_QUEUE');
    answered += 1;
  }
  await writing;
  assert.equal(answered, 100_000);
  const [early, late] = [Math.max(...held.slice(2, 8)), Math.max(...held.slice(8))];
  const grownMb = (late - early) / 1_048_576;
  assert.ok(grownMb < 20, `${grownMb.toFixed(0)} MB more are held after 90 MB`);
  const { json } = await intake.send('GET /v2/echo/health');
  assert.equal(json.jobs.inQueue, 100_000);
});

test('what the database does not keep up with stays with the sender', async () => {
  const released = Promise.withResolvers<void>();
  await using intake = await startIntake({
    wrap: withFault(async (run) => {
      await released.promise;
      return run();
    }),
  });
  await intake.makeEndpoint('echo');
  const bulk = openBulk(intake.url, 'echo');
  const { socket } = bulk.request;
  const line = lineOf(1, 50_000);
  const lines = 4_000;
  const writing = (async () => {
    for (let n = 0; n < lines; n += 1) await bulk.write(line);
    bulk.end();
  })();
  let sent = 0;
  for (let before = -1; sent !== before; await pause(300)) {
    before = sent;
    sent = socket?.bytesWritten ?? 0;
  }
  assert.ok(sent < 60 * 1_048_576, `${sent} bytes were taken`);
  released.resolve();
  assert.equal((await bulk.rest()).length, lines);
  await writing;
});

test('who sends all before reading is answered, however long the answer', async () => {
  await using intake = await startIntake();
  await intake.makeEndpoint('echo');
  const lines = 120_000;
  const body = Buffer.from('{"input":1}\n'.repeat(lines));
  const text = await new Promise<string>((resolve, reject) => {
    const headers = { authorization: ROOT_KEY, 'content-type': 'application/x-ndjson' };
    const url = `${intake.url}/v1/endpoints/echo/jobs/bulk`;
    const request = http.request(url, { method: 'POST', headers, agent: false });
    const response = new Promise<http.IncomingMessage>((began) => request.once('response', began));
    request.on('error', reject);
    request.end(body, async () => {
      const parts: Buffer[] = [];
      for await (const part of await response) parts.push(part);
      resolve(Buffer.concat(parts).toString());
    });
  });
  assert.equal(text.split('"IN_QUEUE"').length - 1, lines);
});

test('what was answered before the connection broke is stored, and no half line is', async () => {
  await using intake = await startIntake();
  await intake.makeEndpoint('echo');
  const bulk = openBulk(intake.url, 'echo');
  for (let n = 0; n < 3_000; n += 1) await bulk.write(lineOf(n));
  await bulk.write('{"input":"half"}');
  const answered: string[] = [];
  for (let n = 0; n < 1_000; n += 1) answered.push((await bulk.next()).id);
  bulk.request.destroy();
  await intake.stop();
  const stored = await storedIn(intake);
  for (const id of answered) assert.ok(stored.has(id));
  const halves = await readRows(
    intake.databaseUrl,
    `select from jobs where input = convert_to('"half"', 'utf8')`,
  );
  assert.deepEqual(halves, []);
  assert.deepEqual(await checkInvariants(intake.databaseUrl), []);
  assert.deepEqual(intake.complaints, []);
});

/** Sends `count` lines and reads their answers; `at` is told how many came so far. */
const exchange = async (bulk: Bulk, count: number, at: (answers: number) => void) => {
  const writing = (async () => {
    for (let n = 0; n < count; n += 1) await bulk.write(lineOf(n));
    bulk.end();
  })();
  const answers = [];
  for (let next = await bulk.next(); next !== undefined; next = await bulk.next()) {
    answers.push(next);
    at(answers.length);
  }
  await writing;
  return answers;
};

test('when the database is killed each answer holds, and a repeat mends the rest', async () => {
  await using postgres = await startPostgres();
  await using intake = await startIntake({ databaseUrl: await postgres.createDatabase() });
  await intake.makeEndpoint('echo');
  const lines = 30_000;
  const key = { 'idempotency-key': 'whole' };
  let killed: Promise<void> | undefined;
  const answers = await exchange(openBulk(intake.url, 'echo', key), lines, (count) => {
    if (count === 5_000) killed = postgres.kill();
  });
  await killed;
  assert.equal(answers.length, lines);
  await postgres.start();
  const stored = await storedIn(intake);
  const codes = new Set(answers.map(({ code }) => code));
  assert.ok(codes.has('store.unavailable'), [...codes].join());
  let known = 0;
  for (const [at, { id, code, line, retryAfterSeconds }] of answers.entries()) {
    if (code === undefined) assert.ok(stored.has(id), 'what was answered is durable');
    else assert.deepEqual([line, retryAfterSeconds], [at + 1, 1]);
    if (code === undefined || (code === 'outcome_unknown' && stored.has(id))) known += 1;
    else assert.match(code, /^(store\.unavailable|outcome_unknown)$/);
  }
  assert.equal(stored.size, known, 'of what was refused nothing is stored');

  // As each refused line says: until then intake may refuse without asking the database.
  await pause(1_000);
  const again = await exchange(openBulk(intake.url, 'echo', key), lines, () => undefined);
  assert.equal(again.length, lines);
  for (const [at, { id }] of again.entries()) {
    if (answers[at].code === undefined) assert.equal(id, answers[at].id);
  }
  assert.deepEqual(await storedIn(intake), new Set(again.map(({ id }) => id)));
  assert.equal(new Set(again.map(({ id }) => id)).size, lines);
  assert.deepEqual(await checkInvariants(intake.databaseUrl), []);
});

test('a commit of unknown fate is told of each line with the id to ask for', async () => {
  let isFirst = true;
  await using intake = await startIntake({
    wrap: withFault(async (run) => {
      if (!isFirst) return run();
      isFirst = false;
      throw new StoreUnavailable(new Error('Connection terminated unexpectedly'));
    }),
  });
  await intake.makeEndpoint('echo');
  const bulk = openBulk(intake.url, 'echo');
  await bulk.write(lineOf(1) + lineOf(2));
  const { code, line, id } = await bulk.next();
  assert.deepEqual([code, line], ['outcome_unknown', 1]);
  assert.equal((await intake.send(`GET /v2/echo/status/${id}`)).status, 404);
  assert.equal((await bulk.next()).code, 'outcome_unknown');
  await bulk.write(lineOf(3));
  assert.equal((await bulk.next()).status, 'IN_QUEUE', 'and the bulk goes on');
  bulk.end();
});

test('a job that cannot be stored hurts only its own line', async () => {
  let calls = 0;
  await using intake = await startIntake({
    wrap: withFault(async (run, jobs) => {
      calls += 1;
      // Of 4 jobs, then of 2, then of one, which is fine, and of the one that is at fault.
      if (jobs > 1 || calls === 4) throw new TypeError('made for this test');
      return run();
    }),
  });
  await intake.makeEndpoint('echo');
  const bulk = openBulk(intake.url, 'echo');
  await bulk.write(Array.from({ length: 4 }, (_, n) => lineOf(n)).join(''));
  bulk.end();
  const answers = await bulk.rest();
  assert.deepEqual(
    answers.map(({ code, status }) => code ?? status),
    ['IN_QUEUE', 'server.defect', 'IN_QUEUE', 'IN_QUEUE'],
  );
  assert.equal((await intake.send('GET /v2/echo/health')).json.jobs.inQueue, 3);
});

test('a stop ends a bulk soon, with a line that speaks for all that was not taken', async () => {
  await using intake = await startIntake();
  await intake.makeEndpoint('echo');
  const bulk = openBulk(intake.url, 'echo');
  await bulk.write(`${lineOf(1)}\n${lineOf(2)}{"input":`);
  const answers = [await bulk.next(), await bulk.next()];
  const beforeMs = performance.now();
  const stopped = intake.stop();
  const { code, line, rest, status } = await bulk.next();
  assert.deepEqual([code, line, rest, status], ['service.stopping', 4, true, 503]);
  assert.equal(await bulk.next(), undefined);
  await stopped;
  assert.ok(performance.now() - beforeMs < 4_000, 'sooner than the drain would have ended it');
  assert.deepEqual(await storedIn(intake), new Set(answers.map(({ id }) => id)));
});
