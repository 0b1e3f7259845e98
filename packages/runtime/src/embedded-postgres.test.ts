import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { after, afterEach, before, describe, it } from 'node:test';
import { isServerOf, serversOf, signalTo, waitUntil } from './embedded-postgres/server-process.ts';
import {
  DirectoryInUse,
  type EmbeddedPostgres,
  EmbeddedPostgresError,
  type EmbeddedPostgresOptions,
  holdDataDirectory,
  startEmbeddedPostgres,
} from './embedded-postgres.ts';

const MODULE = new URL('./embedded-postgres.ts', import.meta.url).href;
const log = { info: () => {}, warn: () => {}, error: () => {} };
const isRoot = process.getuid?.() === 0;

let folder: string;
let started: EmbeddedPostgres[] = [];
let children: ChildProcess[] = [];

before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard embedded '));
});
afterEach(async () => {
  for (const child of children.filter(({ exitCode, signalCode }) => !(exitCode ?? signalCode))) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  for (const postgres of started) await postgres.stop();
  children = [];
  started = [];
});
after(async () => {
  // A server outlives the process that a failed test leaves; its files must not go under it.
  for (const name of await readdir(folder)) {
    for (const pid of await serversOf(dataOf(path.join(folder, name)))) signalTo(pid, 'SIGKILL');
  }
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

const start = async (dataDir: string, more?: Partial<EmbeddedPostgresOptions>) => {
  const postgres = await startEmbeddedPostgres({ dataDir, log, ...more });
  started.push(postgres);
  return postgres;
};

/** Another process that runs `body` after each line it is sent, and tells what it printed. */
const program = async (body: string) => {
  const script = `
    import { DirectoryInUse, holdDataDirectory, startEmbeddedPostgres } from '${MODULE}';
    import { createInterface } from 'node:readline';
    const log = { info() {}, warn() {}, error() {} };
    createInterface({ input: process.stdin }).on('line', async (dataDir) => {
      try { ${body} } catch (error) { console.log(error.name); }
    });
    console.log('awake');
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextLine = async (): Promise<string> => String((await lines.next()).value);
  assert.equal(await nextLine(), 'awake');
  return {
    ask: async (dataDir: string) => {
      child.stdin.write(`${dataDir}\n`);
      return nextLine();
    },
    kill: async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
};

const HOLD = `
  const hold = await holdDataDirectory(dataDir);
  console.log(hold instanceof DirectoryInUse ? 'lost' : 'won');
`;
const START = `
  const postgres = await startEmbeddedPostgres({ dataDir, log });
  postgres.hold.publish({ url: 'http://127.0.0.1:1' });
  console.log(postgres.pid + ' ' + postgres.url);
`;

const portOf = (url: string): number => Number(new URL(url).port);
const dataOf = (dataDir: string): string => path.join(dataDir, 'postgres', 'data');
/** Every other process of a server has one of them as its parent. */
const postmasters = async (dataDir: string): Promise<number[]> => {
  const pids = await serversOf(dataOf(dataDir));
  const parentOf = (pid: number) =>
    readFile(`/proc/${pid}/stat`, 'utf8').then(
      (text) => Number(text.slice(text.lastIndexOf(')')).split(' ')[2]),
      () => undefined,
    );
  const parents = await Promise.all(pids.map(parentOf));
  return pids.filter((_, index) => {
    const parent = parents[index];
    return parent !== undefined && !pids.includes(parent);
  });
};

const accepts = async (port: number): Promise<boolean> => {
  const socket = net.connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
};

describe('the hold on a data directory', () => {
  it('goes to exactly one of two processes, and to another once that one is killed', async () => {
    const dataDir = path.join(folder, 'held');
    for (let round = 0; round < 20; round += 1) {
      const rivals = await Promise.all([program(HOLD), program(HOLD)]);
      const outcomes = await Promise.all(rivals.map((rival) => rival.ask(dataDir)));
      assert.deepEqual([...outcomes].sort(), ['lost', 'won'], `round ${round}`);
      await Promise.all(rivals.map((rival) => rival.kill()));
    }
  });

  it('names the address of its holder for as long as it is held', async () => {
    const dataDir = path.join(folder, 'published');
    const hold = await holdDataDirectory(dataDir);
    assert.ok(!(hold instanceof DirectoryInUse));
    const early = await holdDataDirectory(dataDir);
    assert.ok(early instanceof DirectoryInUse);
    assert.equal(early.url, undefined);
    hold.publish({ url: 'http://127.0.0.1:4711' });
    const late = await holdDataDirectory(dataDir);
    assert.ok(late instanceof DirectoryInUse);
    assert.equal(late.url, 'http://127.0.0.1:4711');
    assert.match(late.message, /already running at http:\/\/127\.0\.0\.1:4711/);
    hold.release();
    hold.release();
    const next = await holdDataDirectory(dataDir);
    assert.ok(!(next instanceof DirectoryInUse));
    next.release();
  });

  it('refuses a directory that cannot be written in one sentence', async () => {
    const file = path.join(folder, 'a file');
    await writeFile(file, '');
    await assert.rejects(startEmbeddedPostgres({ dataDir: path.join(file, 'x'), log }), (error) => {
      assert.ok(error instanceof EmbeddedPostgresError);
      assert.match(error.message, /cannot be used: a part of the path is not a directory\./);
      return true;
    });
  });
});

describe('the embedded Postgres', () => {
  it('is made in 5 s below a long path with spaces, and starts again in 1.5 s', async () => {
    const dataDir = path.join(folder, 'deep '.repeat(20).trim(), 'b'.repeat(100), '.switchyard');
    const begun = performance.now();
    const first = await start(dataDir);
    const firstMs = performance.now() - begun;
    assert.equal(first.adopted, false);
    assert.ok(firstMs < 5_000, `${firstMs} ms`);
    assert.deepEqual(await postmasters(dataDir), [first.pid]);
    const password = path.join(dataDir, 'postgres', 'password');
    assert.equal((await stat(password)).mode & 0o777, 0o600);
    await first.stop();
    await first.stop();
    assert.deepEqual(await serversOf(dataOf(dataDir)), []);

    const again = performance.now();
    const second = await start(dataDir);
    assert.ok(performance.now() - again < 1_500);
    assert.equal(new URL(second.url).password, new URL(first.url).password);
  });

  it('refuses a directory that another process works in, with its address', async () => {
    const dataDir = path.join(folder, 'taken');
    const other = await program(START);
    const [pid] = (await other.ask(dataDir)).split(' ');
    await assert.rejects(startEmbeddedPostgres({ dataDir, log }), {
      name: 'DirectoryInUse',
      url: 'http://127.0.0.1:1',
    });
    assert.deepEqual(await postmasters(dataDir), [Number(pid)]);
    await other.kill();
    await start(dataDir);
  });

  it('is taken over after its Switchyard was killed', async () => {
    const dataDir = path.join(folder, 'orphan');
    const other = await program(START);
    const [pid, url] = (await other.ask(dataDir)).split(' ');
    await other.kill();
    const postgres = await start(dataDir);
    assert.equal(postgres.adopted, true);
    assert.equal(postgres.pid, Number(pid));
    assert.equal(postgres.url, url);
    await postgres.stop();
    assert.equal(await isServerOf(Number(pid), dataOf(dataDir)), false);
  });

  it('is one however many starts race or are killed in the middle', async () => {
    const dataDir = path.join(folder, 'raced');
    for (const killAfterMs of [0, 60, 150, 300, 450, 600]) {
      const victim = await program(START);
      const answer = victim.ask(dataDir);
      await new Promise((resolve) => setTimeout(resolve, killAfterMs));
      await victim.kill();
      await answer;
      const rivals = await Promise.all([program(START), program(START)]);
      const outcomes = await Promise.all(rivals.map((rival) => rival.ask(dataDir)));
      assert.equal(outcomes.filter((outcome) => outcome === 'DirectoryInUse').length, 1);
      assert.equal((await postmasters(dataDir)).length, 1);
      await Promise.all(rivals.map((rival) => rival.kill()));
    }
    await start(dataDir);
    const unfinished = (await readdir(dataDir)).filter((name) => name.includes('.new-'));
    assert.deepEqual(unfinished, []);
  });

  it('comes back at the same address when its postmaster is killed', async () => {
    const postgres = await start(path.join(folder, 'killed'));
    const killed = postgres.pid;
    process.kill(killed, 'SIGKILL');
    assert.ok(await waitUntil(async () => postgres.pid !== killed, 10_000));
    assert.ok(await accepts(portOf(postgres.url)));
  });

  it('starts when both were killed and the stale pid names another program', async () => {
    const dataDir = path.join(folder, 'stale');
    const other = await program(START);
    const [pid] = (await other.ask(dataDir)).split(' ');
    const pidFile = path.join(dataOf(dataDir), 'postmaster.pid');
    const text = await readFile(pidFile, 'utf8');
    await other.kill();
    process.kill(Number(pid), 'SIGKILL');
    await writeFile(pidFile, text.replace(/^\d+/, String(process.pid)));
    const postgres = await start(dataDir);
    assert.equal(postgres.adopted, false);
    assert.deepEqual(await postmasters(dataDir), [postgres.pid]);
  });

  it('says in one sentence that its database is of another version', async () => {
    const dataDir = path.join(folder, 'old');
    await (await start(dataDir)).stop();
    await writeFile(path.join(dataOf(dataDir), 'PG_VERSION'), '17\n');
    await assert.rejects(startEmbeddedPostgres({ dataDir, log }), /was made by PostgreSQL 17/);
  });

  it('says in one sentence why the server does not start, and lets go', async () => {
    const dataDir = path.join(folder, 'broken');
    await (await start(dataDir)).stop();
    await writeFile(path.join(dataOf(dataDir), 'postgresql.auto.conf'), 'max_connections = x\n');
    await assert.rejects(
      startEmbeddedPostgres({ dataDir, log }),
      /Postgres did not start in .*: configuration file .* contains errors\.$/,
    );
    await writeFile(path.join(dataOf(dataDir), 'postgresql.auto.conf'), '');
    await start(dataDir);
  });
});

// Only root has another account to run Postgres as.
if (isRoot) {
  describe('the embedded Postgres of root, where user namespaces are refused', () => {
    it('runs as a system user outside the data directory, with what was there before', async () => {
      const dataDir = path.join(folder, 'root');
      // The folder of the tests is closed to others; this one is as open as /var/lib.
      const stateDir = await mkdtemp(path.join(os.tmpdir(), 'switchyard-state-'));
      const surroundings = { stateDir, userNamespaces: false };
      try {
        await chmod(stateDir, 0o755);
        const before = await start(dataDir);
        await before.stop();
        const moved = await start(dataDir, { surroundings });
        assert.equal(new URL(moved.url).password, new URL(before.url).password);
        assert.notEqual((await stat(`/proc/${moved.pid}`)).uid, 0);
        await moved.stop();
        const stays = await start(dataDir);
        assert.notEqual((await stat(`/proc/${stays.pid}`)).uid, 0);
        await stays.stop();
        const fresh = await start(path.join(folder, 'fresh'), { surroundings });
        assert.notEqual((await stat(`/proc/${fresh.pid}`)).uid, 0);
        await fresh.stop();
      } finally {
        await rm(stateDir, { recursive: true, force: true });
      }
    });
  });
}
