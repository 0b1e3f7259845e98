import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AckPolicy, connect, headers, StorageType } from 'nats';
import { parseAmqpAddress } from './amqp/address.ts';
import type { Message, Request, StreamSpec } from './broker.ts';
import { Mailbox, silentLog, text } from './contract/mailbox.ts';
import { parseAddress } from './nats/address.ts';
import { startNatsServer } from './nats/nats-server.fixture.ts';
import { openBroker } from './open-broker.ts';

const KEPT: StreamSpec = {
  name: 'KEPT',
  topics: ['kept.*'],
  keep: 'log',
  maxAgeMs: 60_000,
  duplicateWindowMs: 10_000,
};
const options = { name: 'opening', log: silentLog, streams: [KEPT] };

const LIMITED = `
authorization { users = [
  { user: admin, password: "p%40ss" }
  { user: limited, password: "s3cr:t/", permissions: {
    publish: { allow: ["kept.*", "$JS.API.STREAM.INFO.*", "$JS.API.CONSUMER.INFO.>",
      "$JS.API.CONSUMER.MSG.NEXT.>", "$JS.ACK.>"] }
    subscribe: { allow: ["_INBOX.>"] } } }
] }`;

describe('openBroker', { timeout: 180_000 }, () => {
  it('gives the broker in memory without a URL', async () => {
    const broker = await openBroker(undefined, options);
    await broker.append({ id: 'a', topic: 'kept.a', body: Buffer.from('x') });
    await broker.close();
  });

  it('refuses other brokers and URLs that it cannot read, and repeats no password', async () => {
    const refusals = {
      'amqp://guest:s3cret@127.0.0.1:99999': 'broker.invalid',
      'amqp://guest:s3cret%@127.0.0.1': 'broker.invalid',
      'amqp://guest:s3cret@127.0.0.1/a/b': 'broker.invalid',
      'amqp://guest:s3cret@127.0.0.1/?heartbeat=1': 'broker.invalid',
      'amqps://': 'broker.invalid',
      'http://guest:s3cret@127.0.0.1': 'broker.unsupported',
      s3cret: 'broker.unsupported',
      'nats://guest:s3cret@127.0.0.1:99999': 'broker.invalid',
      'nats://guest:s3cret%@127.0.0.1': 'broker.invalid',
      'nats://': 'broker.invalid',
    };
    for (const [url, code] of Object.entries(refusals)) {
      await assert.rejects(openBroker(url, options), (error: Error & { code?: string }) => {
        assert.equal(error.code, code, url);
        assert.doesNotMatch(`${error.stack} ${JSON.stringify(error)}`, /s3cret/);
        return true;
      });
    }
  });

  it('reads users, passwords, tokens, TLS and clusters out of a URL', () => {
    const read = (url: string) => parseAddress(url).options;
    assert.deepEqual(read('nats://a'), { servers: ['a:4222'] });
    assert.deepEqual(read('tls://tok%40n@a:1,b:2'), {
      servers: ['a:1', 'b:2'],
      tls: {},
      token: 'tok@n',
    });
    assert.deepEqual(read('nats+tls://u:p%2C%3A@[::1]:5,nats://b'), {
      servers: ['[::1]:5', 'b:4222'],
      tls: {},
      user: 'u',
      pass: 'p,:',
    });
  });

  it('reads hosts, user, password and virtual host out of a URL of RabbitMQ', () => {
    const read = (url: string) => {
      const { hosts, isTls, user, password, vhost } = parseAmqpAddress(url);
      return [
        hosts.map(({ hostname, port }) => `${hostname} ${port}`),
        isTls,
        user,
        password,
        vhost,
      ];
    };
    assert.deepEqual(read('amqp://a'), [['a 5672'], false, 'guest', 'guest', '/']);
    assert.deepEqual(read('amqps://u:p%2C%3A@[::1],b:2/jobs%2Fprod'), [
      ['::1 5671', 'b 2'],
      true,
      'u',
      'p,:',
      'jobs/prod',
    ]);
    assert.deepEqual(read('amqp://u:p@a:1,amqp://b:2/'), [['a 1', 'b 2'], false, 'u', 'p', '/']);
    assert.equal(parseAmqpAddress('amqp://u:p@a:1,b/v').shown, 'a:1, b:5672 (v)');
  });

  it('says in time that no server answers, or that it refuses the credentials', async () => {
    const server = await startNatsServer(LIMITED);
    const refused = (url: string, code: string): Promise<void> =>
      assert.rejects(
        openBroker(url, { ...options, connectTimeoutMs: 500 }),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, code);
          assert.match(error.message, new RegExp(`127\\.0\\.0\\.1:${server.port}`));
          assert.doesNotMatch(`${error.stack} ${String(error.cause)}`, /wr0ng/);
          return true;
        },
      );
    await refused(`nats://admin:wr0ng@127.0.0.1:${server.port}`, 'broker.forbidden');
    await server.stop('SIGTERM');
    const beganAt = performance.now();
    await refused(`nats://admin:wr0ng@127.0.0.1:${server.port}`, 'broker.unavailable');
    assert.ok(performance.now() - beganAt < 3_000);
    await server.end();
  });

  it('works with a user who may use streams and groups but not make them', async () => {
    const server = await startNatsServer(LIMITED);
    const at = `127.0.0.1:${server.port}`;
    const limitedUrl = `nats://limited:s3cr%3At%2F@${at}`;
    await assert.rejects(openBroker(limitedUrl, { ...options, connectTimeoutMs: 500 }), {
      code: 'broker.forbidden',
    });
    const admin = await openBroker(`nats://admin:p%2540ss@${at}`, options);
    const limited = await openBroker(limitedUrl, options);
    const stop = new AbortController();
    const got = new Mailbox<string>();
    const consume = () =>
      limited.consume(
        'kept.*',
        'g',
        async ({ body }) => {
          got.put(text(body));
          return { kind: 'done' };
        },
        stop.signal,
      );
    await assert.rejects(consume(), { code: 'broker.forbidden', retry: false });
    const operator = await connect({ servers: at, user: 'admin', pass: 'p%40ss' });
    const manager = await operator.jetstreamManager();
    const group = { durable_name: 'g', filter_subject: 'kept.*', ack_policy: AckPolicy.Explicit };
    await manager.consumers.add('KEPT', group);
    await operator.close();
    const consuming = consume();
    await limited.append({ id: 'a', topic: 'kept.a', body: Buffer.from('of a limited user') });
    assert.deepEqual(await got.whenCount(1), ['of a limited user']);
    stop.abort();
    await consuming;
    await Promise.all([admin.close(), limited.close()]);
    await server.end();
  });

  it('says clearly how a stream that exists differs, and sets limits anew', async () => {
    const server = await startNatsServer();
    const operator = await connect({ servers: `127.0.0.1:${server.port}` });
    const manager = await operator.jetstreamManager();
    const opening = (stream: Partial<typeof KEPT>) =>
      openBroker(server.url, { ...options, streams: [{ ...KEPT, ...stream }] });
    await manager.streams.add({ name: 'VOLATILE', subjects: ['v.*'], storage: StorageType.Memory });
    await (await opening({})).close();
    const conflict = (message: RegExp) => ({ code: 'broker.conflict', retry: false, message });
    await assert.rejects(opening({ topics: ['kept.*', 'more'] }), conflict(/KEPT.*kept\.\*, more/));
    await assert.rejects(
      opening({ name: 'VOLATILE', topics: ['v.*'] }),
      conflict(/storage memory/),
    );
    await assert.rejects(opening({ name: 'OTHER' }), conflict(/overlap/));
    await (await opening({ maxAgeMs: 90_000, maxBytes: 1_000_000 })).close();
    const { config } = await manager.streams.info('KEPT');
    assert.deepEqual([config.max_age, config.max_bytes], [90_000_000_000, 1_000_000]);
    await operator.close();
    await server.end();
  });

  it('takes messages and requests of others, with ids and headers or without', async () => {
    const server = await startNatsServer();
    const broker = await openBroker(server.url, options);
    const stranger = await connect({ servers: `127.0.0.1:${server.port}` });
    const stop = new AbortController();
    const [got, asked] = [new Mailbox<Message>(), new Mailbox<Request>()];
    const consuming = broker.consume(
      'kept.*',
      'g',
      async (message, { attempt }) => {
        got.put(message);
        return attempt === 1 ? { kind: 'again', afterMs: 0 } : { kind: 'done' };
      },
      stop.signal,
    );
    const serving = broker.serve(
      'ask.*',
      'g',
      async (request) => {
        asked.put(request);
        return request.body;
      },
      stop.signal,
    );
    const made = headers();
    made.set('Nats-Msg-Id', 'theirs');
    made.set('Switchyard-Reply-To', 'there');
    stranger.publish('kept.a', 'no id');
    stranger.publish('kept.a', 'with id', { headers: made });
    const messages = await got.whenCount(4);
    const idsOf = (body: string) => messages.filter((m) => text(m.body) === body).map((m) => m.id);
    const [placed, placedAgain] = idsOf('no id');
    assert.match(placed ?? '', /^KEPT-1-\d{19}$/);
    assert.equal(placedAgain, placed);
    assert.deepEqual(idsOf('with id'), ['theirs', 'theirs']);
    // Serving is known to the server: the group's deliveries came over the same connection.
    await stranger.request('ask.a', 'x', { timeout: 5_000, headers: made });
    const [request] = await asked.whenCount(1);
    assert.deepEqual(
      [request?.id, request?.headers],
      ['theirs', { 'Switchyard-Reply-To': 'there' }],
    );
    stop.abort();
    await Promise.all([consuming, serving]);
    await stranger.close();
    await broker.close();
    await server.end();
  });
});
