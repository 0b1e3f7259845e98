import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient } from './client.ts';
import { type Scripted, startScriptedServer } from './scripted-server.fixture.ts';

const clientOf = (baseUrl: string) => createClient({ baseUrl, apiKey: 'k', retryDelaysMs: [1, 1] });
const jobIn = (url: string): string => /status-sync\/([^?]+)/.exec(url)?.[1] ?? '';

test('stream yields every chunk once, across lost answers, and returns the end', async () => {
  const page = (status: string, from: number, count: number, error?: string): Scripted => ({
    body: {
      status,
      stream: Array.from({ length: count }, (_, at) => ({
        output: from + at,
        switchyard: { claim: 1, index: from + at },
      })),
      error,
    },
  });
  const script: readonly Scripted[] = [
    page('IN_QUEUE', 0, 0),
    page('IN_PROGRESS', 0, 2),
    'hang up',
    page('IN_PROGRESS', 2, 1),
    page('FAILED', 3, 1, 'boom'),
  ];
  await using server = await startScriptedServer(
    (_, { length }) => script[length - 1] ?? 'hang up',
  );
  const chunks = clientOf(server.url).stream('echo', 'job');
  const outputs: unknown[] = [];
  let step = await chunks.next();
  for (; !step.done; step = await chunks.next()) outputs.push(step.value.output);
  assert.deepEqual(outputs, [0, 1, 2, 3]);
  assert.deepEqual(step.value, { status: 'FAILED', error: 'boom' });
  assert.deepEqual(
    server.seen.map(({ url }) => url.replace(/.*from=/, '')),
    ['0', '0', '2', '2', '3'],
  );
});

test('wait yields jobs as they end, with few calls at a time; slow ones hide none', async () => {
  let flying = 0;
  let most = 0;
  const looks = new Map<string, number>();
  await using server = await startScriptedServer(async ({ url }) => {
    most = Math.max(most, ++flying);
    await new Promise(setImmediate);
    flying -= 1;
    const id = jobIn(url);
    looks.set(id, (looks.get(id) ?? 0) + 1);
    const isSlow = id.startsWith('slow') && (looks.get(id) ?? 0) < 4;
    return { body: { id, status: isSlow ? 'IN_PROGRESS' : 'COMPLETED' } };
  });
  const slow = ['slow1', 'slow2', 'slow3'];
  const quick = Array.from({ length: 40 }, (_, at) => `job${at}`);
  const ended: string[] = [];
  const asked = [...slow, ...quick, 'job1'];
  for await (const { id } of clientOf(server.url).wait('echo', asked, { lanes: 3 })) ended.push(id);
  assert.deepEqual([...ended].sort(), [...slow, ...quick].sort());
  assert.deepEqual([...ended.slice(-3)].sort(), slow);
  assert(most <= 3, `${most} calls at once`);
  assert.match(server.seen[0]?.url ?? '', /wait=1744$/);
  assert.match(server.seen.at(-1)?.url ?? '', /wait=25000$/);
});

test('wait that is left early or told to stop leaves no call behind', async () => {
  const left = Promise.withResolvers<void>();
  let open = 0;
  await using server = await startScriptedServer(({ url }) => {
    if (jobIn(url) === 'quick') return { body: { id: 'quick', status: 'COMPLETED' } };
    open += 1;
    return new Promise<Scripted>((resolve) => left.promise.then(() => resolve('hang up')));
  });
  const client = clientOf(server.url);
  for await (const { id } of client.wait('echo', ['held', 'quick'])) {
    assert.equal(id, 'quick');
    break;
  }
  const stop = new AbortController();
  const waiting = client.wait('echo', ['held'], { signal: stop.signal }).next();
  stop.abort();
  await assert.rejects(waiting, { name: 'AbortError' });
  assert(open <= 2);
  left.resolve();
});

test('wait tells of a job that is not there', async () => {
  await using server = await startScriptedServer(() => ({
    status: 404,
    body: { code: 'job.not_found', detail: 'There is no such job.' },
  }));
  await assert.rejects(clientOf(server.url).wait('echo', ['a', 'b']).next(), {
    code: 'job.not_found',
  });
});
