import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type Context, type Handler, type Job, rawJson, start } from './index.ts';
import { ScriptedExchange } from './scripted-exchange.ts';

const QUIET = { info: () => undefined, warn: () => undefined, error: () => undefined };
const TEST = { timeout: 20_000 };

type Extra = { concurrency?: number; returnAggregate?: boolean };

/** Runs `play` with a gateway and a worker on it, and lets the worker leave afterwards. */
const withWorker = async (
  handler: Handler,
  play: (gateway: ScriptedExchange) => Promise<void>,
  extra: Extra = {},
) => {
  await using gateway = await new ScriptedExchange().listen();
  const worker = start({ ...gateway.connection, ...extra, handler, log: QUIET, signals: false });
  await play(gateway);
  await worker.stop();
};

/** The end of a single job whose input is null. */
const endOf = async (handler: Handler, extra: Extra = {}) => {
  let end: { kind: string; body: string } | undefined;
  let chunks: string[] = [];
  await withWorker(
    handler,
    async (gateway) => {
      gateway.give('a', null);
      end = await gateway.endOf('a');
      chunks = gateway.stored.filter(({ kind }) => kind === 'chunk').map(({ body }) => body);
    },
    extra,
  );
  return { kind: end?.kind, body: end?.body ?? '', chunks };
};

/** What the client reads in an error that was thrown. */
const thrownIn = (body: string): Record<string, string> => JSON.parse(JSON.parse(body));

test(
  'a job goes in as the client sent it and its output comes back byte for byte',
  TEST,
  async () => {
    const input = Buffer.from(
      '{ "b": 1e400, "a":12345678901234567890, "a":-0, "s":"\\u0000\\ud800" }',
    );
    const seen: Job[] = [];
    await withWorker(
      (job) => {
        seen.push(job);
        return rawJson(job.rawInput);
      },
      async (gateway) => {
        const s3Config = { accessId: 'id' };
        gateway.give('a', input, { webhook: 'https://example.com/', s3Config });
        const end = await gateway.endOf('a');
        assert.deepEqual([end.kind, end.body], ['output', input.toString()]);
        assert.equal(gateway.requests[0]?.authorization, 'worker-token');
        assert.equal(gateway.requests[0]?.url, '/v2/echo/exchange/worker-1');
        assert.deepEqual([seen[0]?.webhook, seen[0]?.s3Config], ['https://example.com/', s3Config]);
        assert.deepEqual(seen[0]?.input, JSON.parse(input.toString()));
      },
    );
  },
);

const ENDS: readonly (readonly [name: string, handler: Handler, body: string])[] = [
  ['nothing', () => undefined, 'null'],
  ['a plain value', () => 7, '7'],
  ['a promise', async () => ({ a: [1] }), '{"a":[1]}'],
  ['a list, which is no stream', () => ['x', 'y'], '["x","y"]'],
  ['an empty error', () => ({ error: null, a: 1 }), '{"error":null,"a":1}'],
];
for (const [name, handler, body] of ENDS) {
  test(`${name} is an output`, TEST, async () => {
    assert.deepEqual(await endOf(handler), { kind: 'output', body, chunks: [] });
  });
}

const cycle: Record<string, unknown> = {};
cycle.self = cycle;
const FAILURES: readonly (readonly [name: string, handler: Handler, message: RegExp])[] = [
  ['a thrown error', () => Promise.reject(new TypeError('no such model')), /^no such model$/],
  ['a BigInt', () => ({ n: 1n }), /^The output cannot be written as JSON: .*BigInt/],
  ['a cycle', () => cycle, /^The output cannot be written as JSON: .*circular/],
  ['a function', () => () => 1, /^The output is a function, which JSON cannot say\.$/],
  ['raw JSON that is none', () => rawJson(Buffer.from('{')), /given as raw JSON is not JSON\.$/],
  ['raw JSON that is not UTF-8', () => rawJson(Buffer.from([0x22, 0xff, 0x22])), /is not UTF-8\.$/],
  ['too large an output', () => 'x'.repeat(20_971_520), /takes 20971522 bytes; at most 20971520/],
  ['a thrown string', () => Promise.reject('plain'), /^plain$/],
];
for (const [name, handler, message] of FAILURES) {
  test(`${name} fails the job with a sentence`, TEST, async () => {
    const { kind, body } = await endOf(handler);
    assert.equal(kind, 'error');
    assert.match(thrownIn(body).error_message ?? '', message);
    assert.equal(thrownIn(body).worker_id, 'worker-1');
  });
}

test('a returned error fails the job with that very error', TEST, async () => {
  const end = await endOf(() => ({ error: 'No such picture.', output: 1 }));
  assert.deepEqual(end, { kind: 'error', body: '"No such picture."', chunks: [] });
});

async function* count() {
  yield 'one';
  await wait(1);
  yield { two: 2 };
}
test(
  'each yield of a generator is a chunk, in order; the output is empty like RunPod’s',
  TEST,
  async () => {
    const chunks = ['"one"', '{"two":2}'];
    assert.deepEqual(await endOf(count), { kind: 'output', body: '[]', chunks });
    const aggregate = await endOf(count, { returnAggregate: true });
    assert.deepEqual(aggregate, { kind: 'output', body: '["one",{"two":2}]', chunks });
  },
);

test(
  'a generator’s return value is the output, and one that never waits is heard all along',
  TEST,
  async () => {
    const handler = function* () {
      for (let n = 0; n < 5_000; n += 1) yield n;
      return 'done';
    };
    const end = await endOf(handler);
    assert.deepEqual([end.kind, end.body], ['output', '"done"']);
    assert.deepEqual(
      end.chunks,
      Array.from({ length: 5_000 }, (_, n) => String(n)),
    );
  },
);

test('a chunk that is too large, or an error that is yielded, ends the stream', TEST, async () => {
  let closed = 0;
  const streamOf = (second: unknown) =>
    async function* () {
      try {
        yield 1;
        yield second;
      } finally {
        closed += 1;
      }
    };
  const large = await endOf(streamOf('x'.repeat(1_048_576)));
  assert.match(thrownIn(large.body).error_message ?? '', /^The chunk 1 takes 1048578 bytes/);
  const yielded = await endOf(streamOf({ error: 'stuck' }));
  assert.deepEqual(yielded, { kind: 'error', body: '"stuck"', chunks: ['1'] });
  assert.equal(closed, 2);
});

test('up to `concurrency` jobs run at once, and free and held tell of them', TEST, async () => {
  const gates = new Map<string, () => void>();
  await withWorker(
    (job) => new Promise<void>((resolve) => gates.set(job.id, resolve)),
    async (gateway) => {
      for (const job of ['a', 'b', 'c', 'd']) gateway.give(job, null);
      const full = await gateway.until(() => gateway.requests.find(({ free }) => free === 0));
      assert.deepEqual(
        [full.held, [...gates.keys()]],
        [
          ['a', 'b', 'c'],
          ['a', 'b', 'c'],
        ],
      );
      gates.get('b')?.();
      await gateway.endOf('b');
      const post = gateway.requests.find(({ posts }) => posts.length > 0);
      assert.deepEqual([post?.held, post?.free], [['a', 'c'], 1]);
      await gateway.until(() => gateway.requests.find(({ held }) => held.includes('d')));
      for (const job of ['a', 'c', 'd']) gates.get(job)?.();
      await gateway.endOf('d');
    },
    { concurrency: 3 },
  );
});

test('the newest progress is shown, never after the result', TEST, async () => {
  let context: Context | undefined;
  await withWorker(
    (_job, given) => {
      context = given;
      for (let n = 0; n < 100; n += 1) given.progress({ n });
      return new Promise((resolve) => given.signal.addEventListener('abort', resolve));
    },
    async (gateway) => {
      gateway.give('a', null);
      await gateway.until(() => gateway.stored[0]);
      assert.deepEqual(gateway.stored, [
        { job: 'a', claimNo: 1, kind: 'progress', seq: undefined, body: '{"n":99}' },
      ]);
      assert.throws(() => context?.progress(1n), /The progress cannot be written as JSON/);
      gateway.stop('a');
    },
  );
});

test('a stop aborts that job alone, and nothing more is posted of it', TEST, async () => {
  const reasons: unknown[] = [];
  let finish = (): void => undefined;
  await withWorker(
    ({ id }, { signal }) =>
      new Promise((resolve, reject) => {
        if (id === 'b') finish = () => resolve('fine');
        signal.addEventListener('abort', () => {
          reasons.push(String(signal.reason));
          reject(signal.reason);
        });
      }),
    async (gateway) => {
      gateway.give('a', null);
      gateway.give('b', null);
      await gateway.until(() => gateway.requests.find(({ held }) => held.length === 2));
      gateway.stop('a');
      await gateway.until(() => gateway.requests.at(-1)?.held.join() === 'b' || undefined);
      finish();
      await gateway.endOf('b');
      assert.deepEqual(reasons, ['AbortError: The job was stopped: cancelled.']);
      assert.deepEqual(
        gateway.stored.map(({ job, body }) => [job, body]),
        [['b', '"fine"']],
      );
    },
    { concurrency: 2 },
  );
});

test(
  'a stop that names no claim is for whatever claim there is, and is repeated without haste',
  TEST,
  async () => {
    let aborts = 0;
    let finish = (): void => undefined;
    await withWorker(
      (_job, { signal }) => {
        signal.addEventListener('abort', () => (aborts += 1));
        return new Promise<void>((resolve) => (finish = resolve));
      },
      async (gateway) => {
        gateway.give('a', null, { claimNo: 7 });
        await gateway.until(() => gateway.requests.find(({ held }) => held.includes('a')));
        const before = gateway.requests.length;
        gateway.stop('a', 0);
        await wait(1_000);
        assert.equal(aborts, 1);
        assert.ok(
          gateway.requests.length - before < 8,
          `${gateway.requests.length - before} a second`,
        );
        finish();
        await gateway.until(() => gateway.requests.at(-1)?.free === 1 || undefined);
        assert.deepEqual(gateway.stored, []);
      },
    );
  },
);

test('a job that overran is stopped here too when the server cannot be heard', TEST, async () => {
  await withWorker(
    (_job, { signal }) => new Promise((resolve) => signal.addEventListener('abort', resolve)),
    async (gateway) => {
      gateway.give('a', null, { executionTimeoutMs: 1 });
      // A timer of more than 2^31 ms would fire at once.
      gateway.give('b', null, { executionTimeoutMs: 2 ** 40 });
      await gateway.until(() => gateway.requests.at(-1)?.held.join() === 'b' || undefined);
      assert.deepEqual(gateway.stored, []);
      gateway.stop('b');
    },
    { concurrency: 2 },
  );
});
