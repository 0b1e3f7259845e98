import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { newWebhookSecret } from '@switchyard/contracts';
import { createTargetGuard } from '@switchyard/runtime';
import { addWebhookSecret, readWebhookSecrets } from '@switchyard/store';
import pg from 'pg';
import { Webhook } from 'standardwebhooks';
import { makeDoneJobs, makeEndpoint } from './make-jobs.ts';
import { areClosed, areOver, awaitTries } from './read-tries.ts';
import { answer, hang, startReceiver } from './receiver.ts';
import { layGround } from './start-notifier.ts';

const ground = await layGround();
const { store, sealer } = ground;
await ground.startNotifier();
after(() => ground[Symbol.asyncDispose]());

const withClient = async <Result>(work: (client: pg.Client) => Promise<Result>) => {
  const client = new pg.Client({ connectionString: ground.url });
  await client.connect();
  return await work(client).finally(() => client.end());
};

test('a webhook comes once, with the status body and a signature of either secret', async () => {
  await using receiver = await startReceiver();
  const endpointId = await makeEndpoint(store, 'signed');
  const secrets = [newWebhookSecret(), newWebhookSecret()];
  for (const secret of secrets) {
    const sealed = sealer.seal(Buffer.from(secret), `${endpointId}|webhook-secret`);
    await addWebhookSecret(store, endpointId, sealed);
  }
  const output = '{"n": 12345678901234567890, "t":"\\u00e9"}';
  const [jobId] = await makeDoneJobs(store, endpointId, [receiver.url], output);
  assert(jobId !== undefined);
  ground.hintDue();
  const [row] = await awaitTries(store, endpointId, areClosed);
  assert.equal(row?.outcome, 'delivered');
  assert.equal(row?.response_status, 200);
  assert.equal(row?.response_excerpt?.toString(), 'thanks');
  assert.equal(receiver.received.length, 1);
  const [received] = receiver.received;
  assert(received !== undefined);
  assert(received.body.includes(jobId));
  assert(received.body.includes(output));
  assert.equal(received.headers['content-type'], 'application/json');
  assert.match(received.headers['user-agent'] ?? '', /^Switchyard\/\d+\.\d+\.\d+/);
  assert.equal(received.headers['webhook-id'], row?.delivery_id);
  for (const secret of secrets) new Webhook(secret).verify(received.body, received.headers);
  const other = new Webhook(newWebhookSecret());
  assert.throws(() => other.verify(received.body, received.headers));
});

test('webhooks of an endpoint without a secret are signed by one that it is given', async () => {
  await using receiver = await startReceiver();
  const endpointId = await makeEndpoint(store, 'unsigned');
  await makeDoneJobs(store, endpointId, [receiver.url, null]);
  ground.hintDue();
  const rows = await awaitTries(store, endpointId, areClosed);
  assert.equal(rows.length, 1);
  const [received] = receiver.received;
  assert(received !== undefined);
  const [sealed, ...others] = await readWebhookSecrets(store, endpointId);
  assert(sealed !== undefined);
  assert.deepEqual(others, []);
  const secret = sealer.open(sealed, `${endpointId}|webhook-secret`).toString();
  new Webhook(secret).verify(received.body, received.headers);
});

test('a webhook is dated by the clock of the database, whatever the own one says', async (t) => {
  await using receiver = await startReceiver();
  const endpointId = await makeEndpoint(store, 'stepped');
  const now = Date.now;
  t.mock.method(Date, 'now', () => now() + 600_000);
  await makeDoneJobs(store, endpointId, [receiver.url]);
  ground.hintDue();
  await awaitTries(store, endpointId, areClosed);
  const sentAtS = Number(receiver.received[0]?.headers['webhook-timestamp']);
  const { rows } = await withClient((client) =>
    client.query<{ past: number }>(
      'select extract(epoch from clock_timestamp())::float8 - $1 as past',
      [sentAtS],
    ),
  );
  const past = rows[0]?.past ?? Number.NaN;
  assert(past >= 0 && past < 60, `it was sent ${past} s ago`);
});

test('a failed webhook comes again ten seconds later, three times in all', async () => {
  let left = 2;
  await using mending = await startReceiver((...args) => answer(left-- > 0 ? 500 : 200)(...args));
  await using broken = await startReceiver(answer(503));
  const endpointId = await makeEndpoint(store, 'again');
  const [mended, lost] = await makeDoneJobs(store, endpointId, [mending.url, broken.url]);
  ground.hintDue();
  const rows = await awaitTries(store, endpointId, areClosed);
  for (const [receiver, jobId] of [[mending, mended] as const, [broken, lost] as const]) {
    const tries = rows.filter((row) => row.job_id === jobId);
    assert.deepEqual(
      tries.map((row) => row.n),
      [1, 2, 3],
    );
    assert.equal(receiver.received.length, 3);
    assert.equal(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size, 1);
    const [first, second, third] = receiver.received.map(({ atMs }) => atMs);
    assert(first !== undefined && second !== undefined && third !== undefined);
    for (const gapMs of [second - first, third - second]) {
      assert(gapMs >= 9_950 && gapMs < 12_000, `tries are ${gapMs} ms apart`);
    }
    assert.equal(tries[0]?.outcome, receiver === mending ? 'delivered' : 'failed');
    assert.equal(tries[2]?.try_outcome, receiver === mending ? 'delivered' : 'failed');
  }
  assert.equal(rows.find((row) => row.job_id === lost)?.error, 'The target answered 503.');
});

test('a redirect is a failure that leads nowhere', async () => {
  await using canary = await startReceiver();
  await using receiver = await startReceiver(answer(307, { location: canary.url }));
  const endpointId = await makeEndpoint(store, 'redirect');
  await makeDoneJobs(store, endpointId, [receiver.url]);
  ground.hintDue();
  const [row] = await awaitTries(store, endpointId, areOver(1));
  assert.equal(row?.try_outcome, 'failed');
  assert.equal(row?.error, 'The target answered 307; redirects are not followed.');
  assert.equal(canary.connections, 0);
});

test('a host that hangs fails after ten seconds, has 8 sends, and delays nobody', async () => {
  await using slow = await startReceiver(hang);
  await using quick = await startReceiver();
  const endpointId = await makeEndpoint(store, 'slow');
  await makeDoneJobs(store, endpointId, [...new Array(20).fill(slow.url), quick.url]);
  const startedAtMs = performance.now();
  ground.hintDue();
  await quick.count(1);
  assert(performance.now() - startedAtMs < 3_000, 'the quick host waited');
  const rows = await awaitTries(store, endpointId, areOver(9));
  const failed = rows.filter((row) => row.try_outcome === 'failed');
  for (const row of failed) {
    assert.equal(row.error, 'No answer within 10 s.');
    assert(row.duration_ms !== null && row.duration_ms >= 9_990 && row.duration_ms < 11_000);
  }
  assert.equal(slow.openMax, 8);
});

test('of an endless answer a little is read and less is kept, packed as it came', async () => {
  let sentBytes = 0;
  const isClosed = Promise.withResolvers<void>();
  await using receiver = await startReceiver((response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' });
    const pour = (): void => {
      let hasRoom = true;
      while (hasRoom && !response.destroyed) {
        sentBytes += 16_384;
        hasRoom = response.write(Buffer.alloc(16_384, 'x'));
      }
    };
    response.on('drain', pour).on('close', isClosed.resolve);
    pour();
  });
  const endpointId = await makeEndpoint(store, 'endless');
  await makeDoneJobs(store, endpointId, [receiver.url]);
  ground.hintDue();
  const [row] = await awaitTries(store, endpointId, areClosed);
  await isClosed.promise;
  assert.equal(row?.outcome, 'delivered');
  assert.deepEqual(row?.response_excerpt, Buffer.alloc(1_024, 'x'));
  assert(sentBytes < 16 * 1_048_576, `${sentBytes} bytes were taken`);
});

test('a private target is refused before anything connects', async () => {
  await using canary = await startReceiver();
  await using closed = await layGround();
  await closed.startNotifier({ targetGuard: createTargetGuard({ allowPrivateTargets: [] }) });
  const endpointId = await makeEndpoint(closed.store, 'private');
  const { port } = new URL(canary.url);
  const hosts = ['127.0.0.1', 'localhost', '2130706433', '[::ffff:127.0.0.1]'];
  const urls = hosts.map((host) => `http://${host}:${port}/hook`);
  await makeDoneJobs(closed.store, endpointId, urls);
  closed.hintDue();
  const rows = await awaitTries(closed.store, endpointId, areOver(hosts.length));
  for (const row of rows) {
    assert.equal(row.try_outcome, 'failed');
    assert.match(row.error ?? '', /^The URL leads to .*(loopback|this host|mapped)/, row.url);
  }
  assert.equal(canary.connections, 0);
});

test('a delivery that lost its sender is closed as unknown and sent again', async () => {
  await using receiver = await startReceiver();
  const endpointId = await makeEndpoint(store, 'lost');
  await makeDoneJobs(store, endpointId, [receiver.url]);
  // What a sender leaves that was killed 31 s ago.
  await withClient(async (client) => {
    await client.query('begin');
    await client.query(
      `insert into delivery_tries (endpoint_id, delivery_id, n, outcome, started_at)
       select endpoint_id, delivery_id, 1, 'started', statement_timestamp() - interval '31 s'
       from deliveries where endpoint_id = $1`,
      [endpointId],
    );
    await client.query(
      `update deliveries set trying = 1, due_at = statement_timestamp() - interval '1 s'
       where endpoint_id = $1`,
      [endpointId],
    );
    await client.query('commit');
  });
  ground.hintDue();
  const rows = await awaitTries(store, endpointId, areClosed);
  const outcomes = rows.map((row) => [row.n, row.try_outcome]);
  assert.deepEqual(outcomes, [
    [1, 'unknown'],
    [2, 'delivered'],
  ]);
  assert.equal(receiver.received.length, 1);
});

test('webhooks wait while their secret does not open', async () => {
  await using receiver = await startReceiver();
  await using behind = await startReceiver();
  const endpointId = await makeEndpoint(store, 'sealed');
  const elsewhere = sealer.seal(Buffer.from(newWebhookSecret()), 'another|webhook-secret');
  await addWebhookSecret(store, endpointId, elsewhere);
  await makeDoneJobs(store, endpointId, [receiver.url]);
  const otherId = await makeEndpoint(store, 'sealed-not');
  await makeDoneJobs(store, otherId, [behind.url]);
  ground.hintDue();
  await awaitTries(store, otherId, areClosed);
  const [row] = await awaitTries(store, endpointId, (rows) => rows.length > 0);
  assert.equal(row?.n, null);
  assert.equal(receiver.connections, 0);
  assert(ground.lines.some((line) => line.includes('does not open')));
});

test('three notifiers send each delivery once', async () => {
  await using receiver = await startReceiver();
  await using shared = await layGround();
  const endpointId = await makeEndpoint(shared.store, 'rivals');
  await makeDoneJobs(shared.store, endpointId, new Array(300).fill(receiver.url));
  await Promise.all([1, 2, 3].map(() => shared.startNotifier()));
  const rows = await awaitTries(shared.store, endpointId, areClosed);
  assert.equal(rows.length, 300);
  assert(rows.every((row) => row.n === 1 && row.outcome === 'delivered'));
  assert.equal(receiver.received.length, 300);
});
