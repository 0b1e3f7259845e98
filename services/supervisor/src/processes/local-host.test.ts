import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  chmod,
  mkdtemp,
  open as openFile,
  readdir,
  readFile,
  rm,
  writeFile,
} from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { createLocalHost } from './local-host.ts';
import { collectExits, collectLog, eventually, isRunning, specFor } from './process.fixture.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard-host-'));
});
after(() => rm(folder, { recursive: true, force: true }));

const open = () => {
  const { log, lines } = collectLog();
  const host = createLocalHost({ log, dataDir: path.join(folder, 'data') });
  return { host, lines, exitOf: collectExits(host) };
};
const SHOW_ENV = ['node', '-e', 'console.log(JSON.stringify(process.env))'];

describe('a worker process', () => {
  const before = { ...process.env };
  afterEach(() => {
    process.env = { ...before };
  });

  it('sees an environment of known names only, and what it was given', async () => {
    process.env.DATABASE_URL = 'postgres://secret';
    process.env.SWITCHYARD_MASTER_KEY = 'secret';
    process.env.SOMETHING_ELSE = 'x';
    const { host, lines, exitOf } = open();
    const env = { GREETING: 'hello', BROKER_URL: 'nats://secret', SWITCHYARD_API_KEY: 'secret' };
    const spec = specFor(SHOW_ENV, { env });
    host.start(spec);
    const { lastLines } = await exitOf(spec.workerId);
    const seen: Record<string, string> = JSON.parse(lastLines.join(''));
    const inherited = ['HOME', 'LANG', 'NODE_ENV', 'PATH', 'TMPDIR', 'TZ'];
    const names = Object.keys(seen).filter((name) => !inherited.includes(name));
    assert.deepEqual(names.sort(), ['GREETING', 'SWITCHYARD_PARENT_PID']);
    assert.equal(seen.SWITCHYARD_PARENT_PID, String(process.pid));
    assert.equal(seen.PATH, process.env.PATH);
    assert.ok(lines.some((line) => line.includes('a worker is not given BROKER_URL')));
  });

  it('runs the Node of Switchyard in its folder, without a shell', async () => {
    const { host, exitOf } = open();
    const script = 'console.log(process.execPath); console.log(process.cwd(), process.argv[1])';
    const spec = specFor(['node', '-e', script, '; touch x'], { cwd: folder });
    host.start(spec);
    const { lastLines, code, signal, asked } = await exitOf(spec.workerId);
    assert.deepEqual(lastLines, [process.execPath, `${folder} ; touch x`]);
    assert.deepEqual({ code, signal, asked }, { code: 0, signal: null, asked: false });
    assert.ok(!(await readdir(folder)).includes('x'));
  });

  it('has no open file or socket of this process', { timeout: 20_000 }, async () => {
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    await using file = await openFile(path.join(folder, 'opened'), 'w');
    const { host, exitOf } = open();
    const spec = specFor(['ls', '-l', process.platform === 'linux' ? '/proc/self/fd' : '/dev/fd']);
    host.start(spec);
    const lines = (await exitOf(spec.workerId)).lastLines;
    server.close();
    assert.ok(file.fd > 2 && !lines.some((line) => line.includes('opened')), lines.join('\n'));
    // Its two outputs are sockets.
    const sockets = lines.filter((line) => line.includes('socket:'));
    assert.equal(sockets.length, process.platform === 'linux' ? 2 : 0, lines.join('\n'));
  });

  it('puts its lines into the log, without its token', async () => {
    const { host, lines, exitOf } = open();
    const token = `sy_${'0'.repeat(16)}_${'A'.repeat(43)}`;
    const spec = specFor(['sh', '-c', `echo "one ${token}"; echo two >&2; printf three`]);
    host.start(spec);
    const { lastLines } = await exitOf(spec.workerId);
    assert.deepEqual([...lastLines].sort(), ['one sy_…', 'three', 'two']);
    for (const line of lastLines) {
      assert.ok(lines.some((logged) => logged.includes(`${spec.workerId} | ${line}`)));
    }
  });
});

describe('a worker that cannot be started', () => {
  const reasonOf = async (command: string[], cwd = folder): Promise<string> => {
    const { host, exitOf } = open();
    const spec = specFor(command, { cwd });
    host.start(spec);
    const exit = await exitOf(spec.workerId);
    assert.deepEqual(
      { code: exit.code, signal: exit.signal, ranMs: exit.ranMs, asked: exit.asked },
      { code: null, signal: null, ranMs: 0, asked: false },
    );
    assert.deepEqual(host.list(), []);
    return exit.lastLines.join('\n');
  };

  it('says that the command is missing', async () => {
    const reason = await reasonOf(['no-such-program']);
    assert.equal(reason, 'The worker cannot be started: "no-such-program" is not there.');
  });

  it('says that the folder is missing', async () => {
    const reason = await reasonOf(['node'], path.join(folder, 'nowhere'));
    const shown = JSON.stringify(path.join(folder, 'nowhere'));
    assert.equal(reason, `The worker cannot be started: there is no folder ${shown}.`);
  });

  it('says that the command may not be run', async () => {
    const file = path.join(folder, 'plain.txt');
    await writeFile(file, '');
    await chmod(file, 0o644);
    const reason = await reasonOf([file]);
    const shown = JSON.stringify(file);
    assert.equal(reason, `The worker cannot be started: ${shown} may not be run by this user.`);
  });

  it('reports what the system throws at once, too', async () => {
    const huge = 'x'.repeat(3_000_000);
    assert.match(
      await reasonOf(['node', huge]),
      /^The worker cannot be started: "node" gave E2BIG/,
    );
  });
});

describe('the end of a worker', { timeout: 30_000 }, () => {
  const recordsIn = () => readdir(path.join(folder, 'data', 'workers'));
  /** Both ignore SIGTERM; the child outlives its parent and holds its output open. */
  const STUBBORN = ['sh', '-c', 'trap "" TERM; sleep 1000 & echo $! $$; while :; do wait; done'];
  const pidsOf = async (lines: string[], workerId: string): Promise<number[]> => {
    const find = () => lines.map((line) => new RegExp(`${workerId} \\| ([\\d ]+)`).exec(line)?.[1]);
    await eventually('its pids', () => find().some((found) => found !== undefined));
    return (find().find((found) => found !== undefined) ?? '').split(' ').map(Number);
  };

  it('takes the whole group of one that ignores SIGTERM, after its grace', async () => {
    const { host, lines, exitOf } = open();
    const spec = specFor(STUBBORN);
    host.start(spec);
    const pids = await pidsOf(lines, spec.workerId);
    assert.equal(pids.length, 2);
    const record = await readFile(path.join(folder, 'data', 'workers', `${spec.workerId}.json`));
    assert.equal(JSON.parse(record.toString()).pid, host.list()[0]?.pid);
    const askedMs = performance.now();
    host.end(spec.workerId, { graceMs: 300 });
    const exit = await exitOf(spec.workerId);
    const tookMs = performance.now() - askedMs;
    assert.deepEqual([exit.signal, exit.asked], ['SIGKILL', true]);
    assert.ok(tookMs >= 290 && tookMs < 2_000, `${tookMs} ms`);
    await eventually('the grandchild is gone', () => !pids.some(isRunning));
    assert.deepEqual(await recordsIn(), []);
  });

  it('takes at once what a worker that ended by itself has left behind', async () => {
    const { host, lines, exitOf } = open();
    const spec = specFor(['sh', '-c', 'trap "" TERM; sleep 1000 & echo $! $$; exit 3']);
    host.start(spec);
    const pids = await pidsOf(lines, spec.workerId);
    const exit = await exitOf(spec.workerId);
    assert.deepEqual([exit.code, exit.asked], [3, false]);
    await eventually('the grandchild is gone', () => !pids.some(isRunning));
  });

  it('leaves the grace to the worker behind a shell that ends at once', async () => {
    const { host, lines, exitOf } = open();
    const slow =
      'process.on("SIGTERM", () => setTimeout(() => process.exit(console.log("done")), 200));';
    const script = `${slow} setInterval(() => {}, 1000); console.log(process.pid, process.ppid)`;
    const spec = specFor(['sh', '-c', `"$0" -e '${script}'; true`, process.execPath]);
    host.start(spec);
    await pidsOf(lines, spec.workerId);
    host.end(spec.workerId, { graceMs: 5_000 });
    const exit = await exitOf(spec.workerId);
    assert.equal(exit.lastLines.at(-1), 'done');
  });

  it('comes sooner by a second call, and for all of them by stop', async () => {
    const { host, lines, exitOf } = open();
    const [one, other] = [specFor(STUBBORN), specFor(STUBBORN)];
    host.start(one);
    host.start(other);
    const pids = [await pidsOf(lines, one.workerId), await pidsOf(lines, other.workerId)].flat();
    host.end(one.workerId, { graceMs: 60_000 });
    await host.stop(50);
    assert.equal((await exitOf(one.workerId)).signal, 'SIGKILL');
    assert.equal((await exitOf(other.workerId)).signal, 'SIGKILL');
    await eventually('all are gone', () => !pids.some(isRunning));
  });
});
