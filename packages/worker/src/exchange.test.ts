import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type Handler, type Log, start } from './index.ts';
import { ScriptedExchange } from './scripted-exchange.ts';

const TEST = { timeout: 30_000 };
const echo: Handler = ({ input }) => input;

/** A worker with what it logs. */
const startWorker = (gateway: ScriptedExchange, handler: Handler, concurrency = 1) => {
  const lines: string[] = [];
  const say: Log['info'] = (message, fields) =>
    void lines.push(`${message} ${JSON.stringify(fields ?? {})}`);
  const log: Log = { info: say, warn: say, error: say };
  const worker = start({ ...gateway.connection, handler, concurrency, log, signals: false });
  return { ...worker, lines };
};

const idsOf = (count: number) => Array.from({ length: count }, (_, n) => `job-${n}`);

test('many results travel in few exchanges, each job exactly once', TEST, async () => {
  await using gateway = await new ScriptedExchange().listen();
  const runs = new Map<string, number>();
  const handler: Handler = ({ id, input }) => {
    runs.set(id, (runs.get(id) ?? 0) + 1);
    return input;
  };
  const worker = startWorker(gateway, handler, 50);
  const ids = idsOf(1_000);
  for (const id of ids) gateway.give(id, id);
  await gateway.until(() => gateway.stored.length === ids.length || undefined);
  await worker.stop();
  assert.deepEqual(
    gateway.stored.map(({ body }) => body).sort(),
    ids.map((id) => `"${id}"`).sort(),
  );
  assert.deepEqual([...new Set(runs.values())], [1]);
  assert.ok(gateway.requests.length < 100, `${gateway.requests.length} exchanges`);
  assert.ok(gateway.requests.every(({ free, held }) => free + held.length <= 50));
});

for (const fault of ['reset', 'reset after storing', { status: 503 }] as const) {
  const name = typeof fault === 'string' ? fault : 'answered 503';
  test(`results whose exchange was ${name} are sent again until answered`, TEST, async () => {
    await using gateway = await new ScriptedExchange().listen();
    let faults = 0;
    gateway.fault = ({ posts }) => {
      if (posts.length === 0 || faults === 3) return undefined;
      faults += 1;
      return fault;
    };
    const handler = async function* (): AsyncGenerator<number> {
      for (let n = 0; n < 5; n += 1) {
        yield n;
        await wait(20);
      }
    };
    const worker = startWorker(gateway, handler, 2);
    gateway.give('a', null);
    gateway.give('b', null);
    await Promise.all([gateway.endOf('a'), gateway.endOf('b')]);
    await worker.stop();
    for (const id of ['a', 'b']) {
      const bodies = gateway.stored.filter(({ job }) => job === id).map(({ body }) => body);
      assert.deepEqual(bodies, ['0', '1', '2', '3', '4', '[]']);
    }
    assert.equal(faults, 3);
  });
}

test('results wait out a gateway that died, and it is said once', TEST, async () => {
  await using gateway = await new ScriptedExchange().listen();
  let finish = (): void => undefined;
  const worker = startWorker(gateway, () => new Promise<void>((resolve) => (finish = resolve)));
  gateway.give('a', null);
  await gateway.until(() => gateway.requests.find(({ held }) => held.includes('a')));
  await gateway.die();
  finish();
  await wait(500);
  await gateway.listen();
  await gateway.endOf('a');
  await worker.stop();
  const troubles = worker.lines.filter((line) => line.includes('ECONNREFUSED'));
  assert.equal(troubles.length, 1, worker.lines.join('\n'));
  assert.ok(worker.lines.includes('The gateway answers again. {}'));
});

test('a gateway that is away does not keep an idle worker from leaving', TEST, async () => {
  const gateway = await new ScriptedExchange().listen();
  const worker = startWorker(gateway, echo);
  await gateway.until(() => gateway.requests[0]);
  await gateway.die();
  await worker.stop();
});

test('429 is waited out as long as Retry-After says', TEST, async () => {
  await using gateway = await new ScriptedExchange().listen();
  const times: number[] = [];
  gateway.fault = () => {
    times.push(performance.now());
    return times.length === 1 ? { status: 429, retryAfter: '1' } : undefined;
  };
  const worker = startWorker(gateway, echo);
  gateway.give('a', 1);
  await gateway.endOf('a');
  await worker.stop();
  const [first = 0, second = 0] = times;
  assert.ok(second - first > 990 && second - first < 3_000, `${second - first} ms`);
});

test(
  'a worker that is refused says why, asks again after 5 s, and loses nothing',
  TEST,
  async () => {
    await using gateway = await new ScriptedExchange().listen();
    let refusals = 0;
    gateway.fault = ({ posts }) => {
      if (posts.length === 0 || refusals === 2) return undefined;
      refusals += 1;
      return { status: refusals === 1 ? 401 : 400 };
    };
    const worker = startWorker(gateway, echo);
    gateway.give('a', 1);
    await gateway.endOf('a');
    await worker.stop();
    assert.equal(worker.lines.filter((line) => /status 40[01]/.test(line)).length, 2);
  },
);

test('a post that is refused for good fails its own job and no other', TEST, async () => {
  await using gateway = await new ScriptedExchange().listen();
  gateway.fault = ({ posts }) =>
    posts.some(({ job, kind }) => job === 'job-3' && kind === 'output')
      ? { status: 413, code: 'request.too_large' }
      : undefined;
  const worker = startWorker(gateway, echo, 10);
  const ids = idsOf(10);
  for (const id of ids) gateway.give(id, id);
  const ends = await Promise.all(ids.map((id) => gateway.endOf(id)));
  await worker.stop();
  const failed = ends.filter(({ kind }) => kind === 'error');
  assert.deepEqual(
    failed.map(({ job, body }) => [job, JSON.parse(body)]),
    [['job-3', 'The gateway refused the output of this job: status 413. Refused by test.']],
  );
});

test('beyond 64 MiB of unsent results the worker takes no more jobs', TEST, async () => {
  await using gateway = await new ScriptedExchange().listen();
  let away = true;
  gateway.fault = ({ posts }) => (away && posts.length > 0 ? { status: 503 } : undefined);
  const output = 'x'.repeat(15_000_000);
  let runs = 0;
  const handler: Handler = () => {
    runs += 1;
    if (runs === 5) setTimeout(() => (away = false), 500);
    return output;
  };
  const worker = startWorker(gateway, handler, 5);
  const ids = idsOf(8);
  for (const id of ids) gateway.give(id, null);
  await Promise.all(ids.map((id) => gateway.endOf(id)));
  await worker.stop();
  const full = gateway.requests.filter(({ free, posts }) => free === 0 && posts.length > 0);
  assert.ok(full.length > 0);
  assert.equal(runs, 8);
});
