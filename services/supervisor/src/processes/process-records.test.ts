import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startTimeOf } from './identify-process.ts';
import { isRunning } from './process.fixture.ts';
import { isGroupThere, signalGroup } from './process-group.ts';
import { endLeftovers } from './process-records.ts';

const HOST = fileURLToPath(new URL('./leftover-host.fixture.ts', import.meta.url));

describe('leftovers of a host that was killed', { timeout: 30_000 }, () => {
  let folder: string;
  let hosts: ChildProcess[] = [];
  let groups: number[] = [];
  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard-leftovers-'));
  });
  afterEach(() => {
    for (const host of hosts) host.kill('SIGKILL');
    for (const group of groups) signalGroup(group, 'SIGKILL');
    hosts = [];
    groups = [];
  });
  after(() => rm(folder, { recursive: true, force: true }));

  /** A host with one worker, in a data directory of its own. */
  const startHost = async (name: string) => {
    const dataDir = path.join(folder, name);
    const host = spawn(process.execPath, [HOST, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
    hosts.push(host);
    const [line] = await once(host.stdout, 'data');
    const worker: { workerId: string; pid: number } = JSON.parse(String(line));
    groups.push(worker.pid);
    const file = path.join(dataDir, 'workers', `${worker.workerId}.json`);
    const kill = async () => {
      host.kill('SIGKILL');
      await once(host, 'exit');
    };
    return { dataDir, worker, file, kill };
  };

  it('are ended, group and all, and their records removed', async () => {
    const { dataDir, worker, kill } = await startHost('one');
    await kill();
    assert.ok(isRunning(worker.pid), 'it outlives its host');
    const ended = await endLeftovers(dataDir);
    assert.deepEqual(
      ended.map(({ workerId, keyId, pid }) => ({ workerId, keyId, pid })),
      [{ workerId: worker.workerId, keyId: 'k', pid: worker.pid }],
    );
    assert.equal(isGroupThere(worker.pid), false);
    assert.deepEqual(await readdir(path.join(dataDir, 'workers')), []);
    assert.deepEqual(await endLeftovers(dataDir), []);
  });

  it('are never a stranger that has the pid now', async () => {
    const { dataDir, worker, file, kill } = await startHost('stranger');
    await kill();
    const record = JSON.parse(await readFile(file, 'utf8'));
    assert.equal(record.startTime, startTimeOf(worker.pid));
    await writeFile(file, JSON.stringify({ ...record, startTime: `${record.startTime}0` }));
    assert.equal((await endLeftovers(dataDir)).length, 1, 'the worker that was noted is gone');
    assert.ok(isRunning(worker.pid), 'whoever has its pid is left alone');
    assert.deepEqual(await readdir(path.join(dataDir, 'workers')), []);
  });

  it('are not the workers of a host that lives', async () => {
    const { dataDir, worker, file } = await startHost('live');
    assert.deepEqual(await endLeftovers(dataDir), []);
    assert.ok(isRunning(worker.pid));
    assert.match(await readFile(file, 'utf8'), /startTime/);
  });

  it('are none without a directory, and a broken record is removed', async () => {
    const { dataDir, file, worker, kill } = await startHost('broken');
    await kill();
    for (const text of ['', '{"pid":', '{"pid":1,"startTime":""}', 'null', '[]']) {
      await writeFile(file, text);
      assert.deepEqual(await endLeftovers(dataDir), []);
      assert.deepEqual(await readdir(path.dirname(file)), []);
    }
    assert.ok(isRunning(worker.pid));
    assert.deepEqual(await endLeftovers(path.join(folder, 'nowhere')), []);
  });
});
