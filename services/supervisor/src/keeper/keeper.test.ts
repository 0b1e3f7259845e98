import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createLog } from '@switchyard/runtime';
import { eventually, isRunning } from '../processes/process.fixture.ts';
import { endLeftovers } from '../processes/process-records.ts';
import { startKeeper } from './keeper.ts';

const KEEPER = fileURLToPath(new URL('./keeper-process.fixture.ts', import.meta.url));
const SLEEPER = JSON.stringify(['sleep', '1000']);

type State = {
  pid: number;
  port: number;
  workers: { workerId: string; pid?: number }[];
  exits: { workerId: string; signal: string | null; asked: boolean }[];
  leftovers: { workerId: string }[];
};

/** Posts on a connection of its own. @throws the socket's error. */
const post = (port: number, pathname: string, body = ''): Promise<string> =>
  new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path: pathname, method: 'POST', agent: false };
    const request = http.request(options, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve(text));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : String(error);

describe('a keeper', { timeout: 180_000 }, () => {
  let folder: string;
  let keepers: ChildProcess[] = [];
  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard-keeper-'));
  });
  afterEach(async () => {
    for (const keeper of keepers) {
      if (keeper.exitCode !== null || keeper.signalCode !== null) continue;
      keeper.kill('SIGTERM');
      await once(keeper, 'exit');
    }
    keepers = [];
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const open = async (name: string, childDelayMs = 0) => {
    const dataDir = path.join(folder, name);
    const keeper = spawn(process.execPath, [KEEPER, dataDir, String(childDelayMs)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    keepers.push(keeper);
    const [line] = await once(keeper.stdout, 'data');
    const { port }: { port: number } = JSON.parse(String(line));
    const state = async (): Promise<State> => JSON.parse(await post(port, '/state'));
    const startWorker = async (command = SLEEPER): Promise<{ workerId: string; pid: number }> => {
      const { workerId }: { workerId: string } = JSON.parse(await post(port, '/start', command));
      for (;;) {
        const pid = (await state()).workers.find((one) => one.workerId === workerId)?.pid;
        if (pid !== undefined) return { workerId, pid };
      }
    };
    return { keeper, port, dataDir, state, startWorker };
  };

  it('passes on every byte of connections, also of those that waited for a child', async () => {
    const { port, state } = await open('bytes', 300);
    const bodies = Array.from({ length: 50 }, (_, n) => `${n}`.repeat(20_000));
    const answers = await Promise.all(bodies.map((body) => post(port, '/', body)));
    assert.deepEqual(
      answers.map((answer) => JSON.parse(answer).body),
      bodies,
    );
    assert.equal((await state()).port, port);
  });

  it('refuses no connection while its child is killed, and the next child answers', async () => {
    const { port, state } = await open('kills', 200);
    const first = (await state()).pid;
    process.kill(first, 'SIGKILL');
    // Their connections are made now; the bodies come when there is no child, or half of one.
    const slow = Array.from({ length: 20 }, async (_, n) => {
      const socket = net.connect(port, '127.0.0.1');
      await once(socket, 'connect');
      socket.write(`POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n`);
      const chunks: Buffer[] = [];
      socket.on('data', (chunk: Buffer) => chunks.push(chunk));
      await new Promise((resolve) => setTimeout(resolve, 20 * n));
      socket.write('hello');
      await once(socket, 'close');
      return Buffer.concat(chunks).toString();
    });
    for (const answer of await Promise.all(slow)) {
      assert.match(answer, /^HTTP\/1\.1 200 OK/);
      assert.ok(!answer.includes(`"pid":${first},`));
    }
  });

  it('loses only what a killed child had begun to read, under load', async () => {
    const { port, state } = await open('load');
    const faults: string[] = [];
    const pids = new Set<number>();
    let kills = 0;
    let answered = 0;
    const clients = Array.from({ length: 20 }, async () => {
      while (kills < 5) {
        try {
          pids.add(JSON.parse(await post(port, '/', 'x'.repeat(100))).pid);
          answered += 1;
        } catch (error) {
          faults.push(codeOf(error));
        }
      }
    });
    while (kills < 5) {
      const { pid } = await state();
      const seen = answered;
      await eventually('posts are answered', () => answered > seen + 50);
      process.kill(pid, 'SIGKILL');
      await eventually('the child is gone', () => !isRunning(pid));
      kills += 1;
    }
    await Promise.all(clients);
    assert.ok(pids.size >= 5, `${pids.size} children answered`);
    assert.ok(!faults.includes('ECONNREFUSED'), faults.join(' '));
    // Each kill can cost the posts that were under way, one a client, and no more.
    assert.ok(faults.length <= 5 * 20, `${faults.length} posts lost of ${answered}`);
    console.log(`      ${answered} posts answered, ${faults.length} lost with 5 killed children`);
  });

  it('cuts off clients that never finish their headers', async () => {
    const { port } = await open('slow');
    const socket = net.connect(port, '127.0.0.1');
    socket.write('POST / HTTP/1.1\r\nhost: x\r\n');
    const [chunk] = await once(socket, 'data');
    assert.match(String(chunk), /^HTTP\/1\.1 408/);
    await once(socket, 'close');
  });

  it('keeps the workers while its child is killed, and tells the next of them', async () => {
    const { state, startWorker, port } = await open('workers', 200);
    const [one, other] = [await startWorker(), await startWorker()];
    const { pid } = await state();
    process.kill(pid, 'SIGKILL');
    await eventually('the child is gone', () => !isRunning(pid));
    process.kill(other.pid, 'SIGKILL');
    const after = await state();
    assert.notEqual(after.pid, pid);
    assert.deepEqual(
      after.workers.map((worker) => [worker.workerId, worker.pid]),
      [[one.workerId, one.pid]],
    );
    assert.deepEqual(after.exits[0]?.workerId, other.workerId);
    assert.equal(after.exits[0]?.signal, 'SIGKILL');
    await post(port, '/end', one.workerId);
    await eventually('the worker has ended', () => !isRunning(one.pid));
    let last = await state();
    while (last.exits.length < 2) last = await state();
    assert.deepEqual(
      last.exits.map((exit) => [exit.workerId, exit.asked]),
      [
        [other.workerId, false],
        [one.workerId, true],
      ],
    );
  });

  it('takes its child along when it is killed, and the next start ends workers', async () => {
    const { keeper, dataDir, state, startWorker } = await open('killed');
    const worker = await startWorker();
    const { pid } = await state();
    const killedMs = performance.now();
    keeper.kill('SIGKILL');
    await eventually('the child is gone', () => !isRunning(pid));
    assert.ok(performance.now() - killedMs < 1_000);
    assert.ok(isRunning(worker.pid), 'nobody ended the worker');
    const next = await open('killed');
    assert.ok(!isRunning(worker.pid));
    const told = (await next.state()).leftovers.map(({ workerId }) => workerId);
    assert.deepEqual(told, [worker.workerId]);
    assert.deepEqual(await readdir(path.join(dataDir, 'workers')), []);
    assert.deepEqual(await endLeftovers(dataDir), []);
  });

  it('drains on SIGTERM with its door open, ends the workers and exits 0', async () => {
    const { keeper, port, state, startWorker } = await open('drain');
    // It needs 300 ms to leave, as one that finishes a job.
    const worker = await startWorker(
      JSON.stringify(['sh', '-c', 'trap "sleep 0.3; exit 0" TERM; while :; do sleep 0.05; done']),
    );
    const { pid } = await state();
    keeper.kill('SIGTERM');
    const answer = JSON.parse(await post(port, '/', 'the last result'));
    assert.equal(answer.body, 'the last result');
    const [code] = await once(keeper, 'exit');
    assert.equal(code, 0);
    assert.ok(!isRunning(pid) && !isRunning(worker.pid));
    await assert.rejects(post(port, '/'), { code: 'ECONNREFUSED' });
  });

  it('gives up when the first child refuses its configuration', async () => {
    const log = createLog({ level: 'silent', service: 'test', instance: 'test' });
    const keeper = await startKeeper({
      listen: { host: '127.0.0.1', port: 0 },
      childModule: new URL('./refusing.fixture.ts', import.meta.url),
      childEnv: {},
      log,
      dataDir: path.join(folder, 'refused'),
    });
    assert.equal(await keeper.refused, 2);
    await keeper.stop();
  });
});
