import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import fc from 'fast-check';
import { createLog, type Log, redactUrl } from './log.ts';

const collect = (
  pretty = false,
): { log: Log; lines: string[]; last: () => Record<string, unknown> } => {
  const lines: string[] = [];
  const log = createLog({
    level: 'info',
    pretty,
    service: 'intake',
    instance: 'i1',
    destination: { write: (line) => lines.push(line) },
  });
  return { log, lines, last: () => JSON.parse(lines.at(-1) ?? '') };
};

test('a line says when, how bad, who and what', () => {
  const { log, lines, last } = collect();
  log.debug('not at this level');
  log.info({ endpoint: 'echo' }, 'Made');
  assert.equal(lines.length, 1);
  const { time, ...rest } = last();
  assert.ok(Math.abs(Date.parse(String(time)) - Date.now()) < 60_000);
  assert.deepEqual(rest, {
    level: 'info',
    service: 'intake',
    instance: 'i1',
    endpoint: 'echo',
    msg: 'Made',
  });
});

test('no secret passes, by whatever way it comes in', () => {
  const { log, lines } = collect();
  const s = 'CANARYcanary0123456789';
  const cause = Object.assign(new Error(`at postgres://u:${s}/x@db/y`), { detail: s, headers: s });
  const ways: (() => void)[] = [
    () => log.info({ authorization: s, headers: { Authorization: s, Cookie: s } }, 'x'),
    () => log.info({ s3Config: { accessId: s, nested: { deep: s } } }, 'x'),
    () => log.info({ a: [{ apiKey: s, masterKeys: [s], 'x-api-key': s }] }, 'x'),
    () => log.info({ token: s, workerToken: s, clientSecret: s, dbPassword: s, key: s }, 'x'),
    () => log.info({ url: `nats://user:${s}@host:4222` }, 'x'),
    () => log.info(`Connecting to amqps://user:${s}@host/v`),
    () => log.info({ err: new Error(`with Bearer ${s}`, { cause }) }, 'x'),
    () => log.info(new AggregateError([cause], 'several')),
    () => log.info({ reason: cause }, 'x'),
    () => log.info({ body: Buffer.from(s), raw: new TextEncoder().encode(s) }, 'x'),
    () => log.info({ message: `it was {"accessSecret":"${s}"}` }, 'x'),
    () => log.info('it was %j', { secret: s }),
    () =>
      log
        .child({ token: s })
        .child({ db: { password: s } })
        .info('x'),
    () =>
      log
        .child({ s3Config: { bucketName: s } })
        .child({ job: { cookies: [s] } })
        .info('x'),
    () => log.child({ url: `https://user:${s}@host/` }).info('x'),
    () => log.info({ to: `https://s3/x?X-Amz-Signature=${s}&a=1` }, 'x'),
    () =>
      log.info(
        {
          holder: new (class Holder {
            inside = s;
          })(),
          map: new Map([[s, s]]),
        },
        'x',
      ),
  ];
  for (const [index, way] of ways.entries()) {
    way();
    const line = lines.at(-1) ?? '';
    JSON.parse(line);
    assert.ok(!line.includes(s), `way ${index}: ${line}`);
  }
  assert.equal(lines.length, ways.length);
});

test('counts, flags and ordinary text stay', () => {
  const { log, last } = collect();
  const fields = { tokens: 5, key: true, url: 'https://host/a@b', at: null, keyId: 'k1' };
  log.info(fields, 'user@example.com');
  assert.partialDeepStrictEqual(last(), { ...fields, msg: 'user@example.com' });
});

test('an error carries its type, code and causes, under any name', () => {
  const { log, last } = collect();
  const inner = Object.assign(new TypeError('inner'), { code: 'ECONNREFUSED', port: 5432 });
  log.error({ failure: new Error('outer', { cause: inner }) }, 'Failed');
  const { failure } = last();
  assert.partialDeepStrictEqual(failure, {
    type: 'Error',
    message: 'outer',
    cause: { type: 'TypeError', message: 'inner', code: 'ECONNREFUSED', port: 5432 },
  });
});

test('whatever is logged is one line of JSON without a control character', () => {
  const { log, lines, last } = collect();
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.object(), (text, fields) => {
      log.info({ fields, text }, text);
      const line = lines.at(-1) ?? '';
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there.
      assert.match(line, /^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*\n$/);
      last();
    }),
  );
  const circle: Record<string, unknown> = { big: 12n, when: new Date(Number.NaN) };
  circle.self = circle;
  log.info(circle, 'round');
  assert.equal(last().big, '12');
});

test('pretty lines are for people, and no text of a client commands the terminal', () => {
  const { log, lines } = collect(true);
  log.warn({ id: '\u001b]0;x\u0007\u009b2J' }, 'a\u001b[2Jb\rc\u009bd \\u001b');
  const line = lines.join('');
  assert.match(line, /WARN/);
  assert.ok(line.includes('a\\u001b[2Jb\\rc\\u009bd \\u001b'), JSON.stringify(line));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there.
  assert.doesNotMatch(line, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
});

test('credentials leave URLs, the rest stays', () => {
  const cases = [
    ['postgres://u:p@db:5432/x', 'postgres://[redacted]@db:5432/x'],
    ['postgres://u:p@ss/w@db/x', 'postgres://[redacted]@db/x'],
    ['nats://a:b@one,nats://c:d@two', 'nats://[redacted]@two'],
    ['https://u:p@host/a@b?token=abc&n=1', 'https://[redacted]@host/a@b?token=[redacted]&n=1'],
    ['https://host/path', 'https://host/path'],
  ] as const;
  for (const [text, expected] of cases) assert.equal(redactUrl(text), expected);
});

test('hostile text is redacted in time', () => {
  for (const piece of ['://', 'postgres://', '"token', 'Bearer ', '?token', ';token_', 'token']) {
    const text = piece.repeat(Math.ceil(100_000 / piece.length));
    const start = performance.now();
    redactUrl(text);
    const tookMs = performance.now() - start;
    assert.ok(tookMs < 1_000, `${piece}: ${tookMs} ms`);
  }
});

test('a process whose standard output is closed lives on', async () => {
  const program = `
    import { createLog } from ${JSON.stringify(new URL('log.ts', import.meta.url).href)};
    const log = createLog({ level: 'info', service: 's', instance: 'i' });
    log.info('first');
    process.once('message', () => {
      for (let n = 0; n < 1000; n += 1) log.info({ n }, 'into the void');
      process.send('alive', () => process.disconnect());
    });
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  assert.ok(child.stdout);
  const [line] = await once(child.stdout, 'data');
  assert.equal(JSON.parse(String(line)).msg, 'first');
  child.stdout.destroy();
  await once(child.stdout, 'close');
  child.send('go');
  assert.deepEqual((await once(child, 'message'))[0], 'alive');
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});

test('a reader that pauses gets every line in order and whole', async () => {
  const program = `
    import { createLog } from ${JSON.stringify(new URL('log.ts', import.meta.url).href)};
    process.stdout.write('');
    const log = createLog({ level: 'info', pretty: false, service: 's', instance: 'i' });
    for (let n = 0; n < 3000; n += 1) log.info({ n }, 'x'.repeat(100));
    setTimeout(() => {}, 1500);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  assert.ok(child.stdout);
  let text = '';
  for await (const part of child.stdout.setEncoding('utf8')) text += part;
  const numbers = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).n);
  assert.deepEqual(
    numbers,
    Array.from({ length: 3000 }, (_, n) => n),
  );
});
