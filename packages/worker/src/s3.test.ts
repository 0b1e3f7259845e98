import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { S3Error, s3 } from './index.ts';

type S3rver = new (
  options: object,
) => {
  run: () => Promise<AddressInfo>;
  close: () => Promise<void>;
};
const require = createRequire(import.meta.url);
const Server: S3rver = require('s3rver');

const SECRET = 'S3RVER';
const BODY = Buffer.from('Grüße');
let directory = '';
let storage: InstanceType<S3rver>;
let endpointUrl = '';

before(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'worker-s3-'));
  const bucket = { name: 'pictures', configs: [] };
  const options = { address: '127.0.0.1', port: 0, silent: true, directory, vhostBuckets: false };
  storage = new Server({ ...options, configureBuckets: [bucket] });
  endpointUrl = `http://127.0.0.1:${(await storage.run()).port}`;
});

after(async () => {
  await storage.close();
  await rm(directory, { recursive: true });
});

const config = (change: Record<string, string> = {}) => ({
  s3Config: {
    accessId: 'S3RVER',
    accessSecret: SECRET,
    bucketName: 'pictures',
    endpointUrl,
    ...change,
  },
});

test('an upload is stored as it is, under keys of any letters', async () => {
  const md5 = createHash('md5').update(BODY).digest('hex');
  for (const key of ['a.txt', 'deep/er/a b+c&d=é#?%.txt', "it's (one)!*"]) {
    const { url, etag } = await s3(config()).upload(key, BODY, { contentType: 'text/plain' });
    assert.equal(etag, md5);
    assert.ok(url.startsWith(`${endpointUrl}/pictures/`), url);
    const response = await fetch(await s3(config()).presign(key, 60));
    assert.equal(response.status, 200, key);
    assert.equal(response.headers.get('content-type'), 'text/plain');
    assert.deepEqual(Buffer.from(await response.arrayBuffer()), BODY);
  }
});

/** The error that `act` ends in, in which no secret may stand. */
const errorOf = async (act: () => Promise<unknown>, secret: string): Promise<S3Error> => {
  const error: unknown = await act().then(
    () => undefined,
    (thrown) => thrown,
  );
  assert.ok(error instanceof S3Error, String(error));
  assert.ok(!`${error.stack} ${error.cause}`.includes(secret), error.stack);
  return error;
};

test('an unknown access id or bucket is told in the words of the storage', async () => {
  const wrong = () => s3(config({ accessId: 'unknown' })).upload('a', BODY);
  const refused = await errorOf(wrong, 'none');
  assert.match(refused.message, /status 403, InvalidAccessKeyId: /);
  assert.equal(refused.status, 403);
  const lost = () => s3(config({ bucketName: 'nowhere' })).upload('a', BODY);
  assert.match((await errorOf(lost, 'none')).message, /status 404, NoSuchBucket: /);
});

test('a missing s3Config or field and a strange key are named', async () => {
  assert.throws(() => s3({}), /The job has no s3Config/);
  const lacking = { s3Config: { accessId: 'a', bucketName: '', endpointUrl } };
  assert.throws(() => s3(lacking), /lacks accessSecret, bucketName\.$/);
  assert.throws(() => s3(config({ endpointUrl: 'nowhere' })), /endpointUrl .* is no http/);
  for (const key of ['', '/a', 'a//b', 'a/../b', '.', 'x'.repeat(1_025), '\ud800']) {
    await assert.rejects(s3(config()).upload(key, BODY), /^S3Error: The key /);
  }
});

/** A storage that answers as `answer` says; its address, for as long as `play` runs. */
const withStorage = async (
  answer: (request: http.IncomingMessage, body: Buffer) => { status: number; text?: string },
  play: (url: string) => Promise<void>,
) => {
  const server = http.createServer(async (request, response) => {
    const { status, text = '' } = answer(request, Buffer.concat(await request.toArray()));
    response.writeHead(status, { etag: '"tag"' }).end(text);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  await play(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  server.closeAllConnections();
  server.close();
};

test('a storage that answers 503 is asked three times; one that refuses, once', async () => {
  const statuses = [503, 503, 200, 503, 503, 503, 400];
  let gone = '';
  await withStorage(
    () => ({ status: statuses.shift() ?? 500 }),
    async (url) => {
      const upload = () => s3(config({ endpointUrl: url })).upload('a', BODY);
      assert.deepEqual(await upload(), { url: `${url}/pictures/a`, etag: 'tag' });
      assert.equal((await errorOf(upload, 'none')).status, 503);
      assert.equal((await errorOf(upload, 'none')).status, 400);
      assert.deepEqual(statuses, []);
      gone = url;
    },
  );
  const upload = () => s3(config({ endpointUrl: gone })).upload('a', BODY);
  assert.match((await errorOf(upload, 'none')).message, /did not answer: .*ECONNREFUSED/);
});

test('no error holds the secret, even where the storage quotes it', async () => {
  const accessSecret = 'very-secret-0123456789';
  const text = `<Error><Code>Odd</Code><Message>Your secret is ${accessSecret}</Message></Error>`;
  await withStorage(
    () => ({ status: 403, text }),
    async (endpointUrl) => {
      const upload = () => s3(config({ endpointUrl, accessSecret })).upload('a', BODY);
      assert.match((await errorOf(upload, accessSecret)).message, /Odd: Your secret is \*\*\*/);
    },
  );
});

const hmac = (key: string | Buffer, text: string) =>
  createHmac('sha256', key).update(text).digest();
const sha256 = (bytes: string | Buffer) => createHash('sha256').update(bytes).digest('hex');
/** Every octet but RFC 3986's unreserved ones in hex, as Signature Version 4 asks. */
const encode = (text: string) =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );

/** The signature that `request` should carry: s3rver does not look at it, so this does. */
const signatureOf = ({ method, url = '', headers }: http.IncomingMessage, body: Buffer): string => {
  const authorization = String(headers.authorization);
  const names = /SignedHeaders=([^,]+)/.exec(authorization)?.[1] ?? '';
  const scope = /Credential=[^/]+\/([^,]+)/.exec(authorization)?.[1] ?? '';
  const lines = names.split(';').map((name) => `${name}:${headers[name]}\n`);
  const target = url
    .split('/')
    .map((part) => encode(decodeURIComponent(part)))
    .join('/');
  const canonical = [method, target, '', lines.join(''), names, sha256(body)].join('\n');
  const text = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, sha256(canonical)].join('\n');
  const key = scope.split('/').reduce<string | Buffer>(hmac, `AWS4${SECRET}`);
  return hmac(key, text).toString('hex');
};

test('the signature covers the key, the region and the body', async () => {
  for (const key of ['a.txt', 'deep/er/a b+c&d=é#?%.txt', "it's (one)!*"]) {
    await withStorage(
      (request, body) => {
        const signature = /Signature=(\w+)/.exec(String(request.headers.authorization))?.[1];
        assert.match(String(request.headers.authorization), /\/eu-north-1\/s3\//);
        return { status: signature === signatureOf(request, body) ? 200 : 403 };
      },
      async (endpointUrl) => {
        await s3(config({ endpointUrl, region: 'eu-north-1' })).upload(key, BODY);
      },
    );
  }
});

test('an aborted upload ends with the reason of its signal', async () => {
  const signal = AbortSignal.abort(new Error('cancelled'));
  await assert.rejects(s3(config()).upload('a', BODY, { signal }), /cancelled/);
});
