import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';

const at = (file: string): string => JSON.stringify(new URL(file, import.meta.url).href);

/** A process of its own that says `ready` over IPC, runs `body`, and is told when it logs what. */
const start = async (stop: string, drainMs: number, body = '', exit = '{}') => {
  const program = `
    import { createLog } from ${at('log.ts')};
    import { onStopSignals } from ${at('shutdown.ts')};
    const log = createLog({ level: 'info', pretty: false, service: 's', instance: 'i' });
    const begin = onStopSignals({ log, drainMs: ${drainMs}, stop: ${stop}, ...${exit} });
    setInterval(() => {}, 1000);
    ${body}
    process.send?.('ready');
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  assert.ok(child.stdout && child.stderr);
  const lines: { msg: string; level: string; err?: { message: string } }[] = [];
  let rest = '';
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts.map((part) => JSON.parse(part)));
    child.emit('logged');
  });
  const closed = once(child, 'close');
  const logs = async (msg: string) => {
    while (!lines.some((line) => line.msg === msg)) await once(child, 'logged');
  };
  const ends = async () => {
    const [code, signal] = await closed;
    assert.equal(errors, '');
    return { code, signal, messages: lines.map((line) => line.msg), lines };
  };
  return { child, logs, ends, ready: () => once(child, 'message') };
};

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} drains, then exits 0`, { timeout: 20_000 }, async () => {
    const { child, ends, ready } = await start(
      `async () => { await new Promise(setImmediate); log.info('drained'); }`,
      10_000,
    );
    await ready();
    child.kill(signal);
    const { code, messages } = await ends();
    assert.equal(code, 0);
    assert.deepEqual(messages, ['Stopping', 'drained', 'Stopped']);
  });
}

test('a drain that takes too long is cut off, and exits 0', { timeout: 20_000 }, async () => {
  const { child, ends, ready } = await start('() => new Promise(() => {})', 50);
  await ready();
  child.kill('SIGTERM');
  const { code, messages } = await ends();
  assert.equal(code, 0);
  assert.match(messages.at(-1) ?? '', /took too long/);
});

test('a second signal ends at once', { timeout: 20_000 }, async () => {
  const { child, logs, ends, ready } = await start('() => new Promise(() => {})', 3_600_000);
  await ready();
  child.kill('SIGTERM');
  await logs('Stopping');
  child.kill('SIGINT');
  const { code, messages } = await ends();
  assert.equal(code, 130);
  assert.deepEqual(messages, ['Stopping', 'Ended at once by a second signal']);
});

test('a stop that fails is told, and exits 1', { timeout: 20_000 }, async () => {
  for (const stop of [`async () => { throw new Error('no') }`, `() => { throw new Error('no') }`]) {
    const { child, ends, ready } = await start(stop, 10_000);
    await ready();
    child.kill('SIGTERM');
    const { code, lines } = await ends();
    assert.equal(code, 1);
    assert.equal(lines.at(-1)?.err?.message, 'no');
  }
});

test('a stop may begin without a signal, and does so once', { timeout: 20_000 }, async () => {
  const { ends } = await start('async () => {}', 10_000, `begin('lost'); begin('again');`);
  const { code, messages } = await ends();
  assert.equal(code, 0);
  assert.deepEqual(messages, ['Stopping', 'Stopped']);
});

test('an error that nobody caught is logged once and exits 1', { timeout: 20_000 }, async () => {
  for (const body of [
    `setImmediate(() => { throw new Error('lost'); });`,
    `void Promise.reject(new Error('lost')); void Promise.reject(new Error('also'));`,
    `setImmediate(() => { throw 'lost'; });`,
  ]) {
    // The end comes late, so that a second error has the time to be told, which it must not be.
    const late = '{ exit: (code) => setTimeout(() => process.exit(code), 50) }';
    const { ends } = await start('async () => {}', 10_000, body, late);
    const { code, lines } = await ends();
    assert.equal(code, 1);
    assert.deepEqual(
      lines.map(({ level }) => level),
      ['fatal'],
    );
  }
});

test('standard output that is closed does not end the process', { timeout: 20_000 }, async () => {
  const { child, ends } = await start(
    'async () => {}',
    10_000,
    `process.once('message', () => {
       for (let n = 0; n < 100; n += 1) console.log('into the void');
       setTimeout(() => begin('done'), 50);
     });`,
  );
  await once(child, 'message');
  child.stdout?.destroy();
  child.send('go');
  const { code } = await ends();
  assert.equal(code, 0);
});
