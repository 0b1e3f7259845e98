import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { type JobId, uuidOf, type WorkerTemplate } from '@switchyard/contracts';
import { findLeasesOfWorker, listKeys, readHealth, StoreUnavailable } from '@switchyard/store';
import { type Ground, openGround, openProcesses, runJob } from './keep-workers.fixture.ts';
import { eventually, isRunning } from './process.fixture.ts';

const SLEEPER: WorkerTemplate = { command: ['sleep', '1000'] };
const TALKER: WorkerTemplate = {
  command: ['sh', '-c', 'env; exec sleep 1000'],
  env: { RUNPOD_POD_ID: 'of the template', GREETING: 'hello' },
};
const STUBBORN: WorkerTemplate = {
  command: ['sh', '-c', 'trap "" TERM; while :; do sleep 1; done'],
  killAfterMs: 200,
};

describe('worker processes', { timeout: 120_000 }, () => {
  let ground: Ground;
  before(async () => {
    ground = await openGround();
  });
  afterEach(() => ground.clear());
  after(() => ground.close());

  const READ = {
    name: 'read_queued_of_test',
    text: 'select rank, attempts from queue where job_id = $1',
  };
  const queued = async (jobId: JobId) =>
    (await ground.store.run<{ rank: number; attempts: number }>(READ, [uuidOf(jobId)]))[0];
  const isQueued = async (jobId: JobId, withinMs = 1_000) => {
    const untilMs = performance.now() + withinMs;
    for (;;) {
      const row = await queued(jobId);
      if (row !== undefined) return row;
      assert.ok(performance.now() < untilMs, `not queued within ${withinMs} ms`);
    }
  };

  it('are as many as the minimum, each with an identity and a key of its own', async () => {
    const own = await openProcesses(ground, TALKER, { minimum: 2 });
    await own.processes.start();
    const ids = await own.haveWorkers(2);
    const { endpointId, lines } = own;
    const base = `http://127.0.0.1:8081/v2/${endpointId}`;
    for (const workerId of ids) {
      const saying = (name: string) => lines.some((line) => line.includes(`${workerId} | ${name}`));
      await eventually('its environment', () => saying('RUNPOD_PING_INTERVAL=10000'));
      await eventually('all of it', () =>
        [
          `RUNPOD_WEBHOOK_GET_JOB=${base}/job-take/$ID?gpu=none`,
          `RUNPOD_WEBHOOK_POST_OUTPUT=${base}/job-done/$RUNPOD_POD_ID/$ID?gpu=none`,
          `RUNPOD_WEBHOOK_POST_STREAM=${base}/job-stream/$RUNPOD_POD_ID/$ID?gpu=none`,
          `RUNPOD_WEBHOOK_PING=${base}/ping/$RUNPOD_POD_ID`,
          `RUNPOD_POD_ID=${workerId}`,
          `RUNPOD_ENDPOINT_ID=${endpointId}`,
          'RUNPOD_SKIP_AUTO_SYSTEM_CHECKS=true',
          'SWITCHYARD_WORKER_CONCURRENCY=3',
          `SWITCHYARD_PARENT_PID=${process.pid}`,
          'RUNPOD_AI_API_KEY=sy_…',
          'GREETING=hello',
        ].every(saying),
      );
      assert.ok(own.processes.owns(workerId));
    }
    const keys = (await listKeys(ground.store)).filter(({ endpoints }) =>
      endpoints?.includes(endpointId),
    );
    assert.deepEqual(keys.map(({ name }) => name).sort(), ids.map((id) => `worker ${id}`).sort());
    assert.deepEqual(keys[0]?.scopes, ['worker']);
    assert.equal((await readHealth(ground.store, endpointId)).workers.initializing, 2);
    await own.processes.stop();
    const left = (await listKeys(ground.store)).filter(({ endpoints }) =>
      endpoints?.includes(endpointId),
    );
    assert.deepEqual(left, [], 'their keys are gone with them');
  });

  it('lose their jobs within a second when they die, and are replaced', async () => {
    const own = await openProcesses(ground, SLEEPER);
    await own.processes.start();
    const [workerId] = await own.haveWorkers(1);
    assert.ok(workerId);
    const { jobId } = await runJob(ground, own.endpointId, workerId);
    process.kill(own.host.list()[0]?.pid ?? 0, 'SIGKILL');
    assert.deepEqual(await isQueued(jobId), { rank: 2, attempts: 1 });
    const [fresh] = await own.haveWorkers(1, [workerId]);
    assert.notEqual(fresh, workerId);
    await eventually('hints', () => own.hints.includes(`switchyard.hint.nudge.${own.endpointId}`));
    assert.ok(own.hints.includes('switchyard.hint.changed'));
  });

  it('are replaced on request or for an overrun job, at no cost to other jobs', async () => {
    const own = await openProcesses(ground, SLEEPER);
    await own.processes.start();
    const [first] = await own.haveWorkers(1);
    assert.ok(first);
    const presence = own.workers.see(own.endpointId, first);
    let released: number | undefined;
    presence.poll = {
      free: 1,
      answer: (jobs) => {
        released = jobs.length;
        return true;
      },
    };
    const { jobId } = await runJob(ground, own.endpointId, first);
    own.processes.replace(first);
    assert.equal(presence.state, 'draining');
    assert.equal(released, 0, 'its poll was let go before the signal');
    assert.deepEqual(await isQueued(jobId), { rank: 3, attempts: 0 });
    const [second] = await own.haveWorkers(1, [first]);
    assert.ok(second);
    assert.equal(own.workers.find(own.endpointId, first), undefined);
    own.processes.overrun(second);
    await own.haveWorkers(1, [first, second]);
    own.processes.overrun('somebody-elses-worker');
  });

  it('keep the result that is on its way, and give back what they had not read', async () => {
    const own = await openProcesses(ground, SLEEPER);
    await own.processes.start();
    const [workerId] = await own.haveWorkers(1);
    assert.ok(workerId);
    const presence = own.workers.see(own.endpointId, workerId);
    const posted = await runJob(ground, own.endpointId, workerId);
    const mailed = await runJob(ground, own.endpointId, workerId);
    presence.posting.set(posted.jobId, { hooked: false });
    const job = { ...mailed, input: Buffer.from('1'), s3Config: undefined };
    presence.mailbox.push({ job, atMs: performance.now() });
    process.kill(own.host.list()[0]?.pid ?? 0, 'SIGKILL');
    assert.deepEqual(await isQueued(mailed.jobId), { rank: 3, attempts: 0 });
    assert.equal(await queued(posted.jobId), undefined);
    const [lease] = await findLeasesOfWorker(ground.store, own.endpointId, workerId);
    assert.equal(lease?.jobId, posted.jobId);
    presence.posting.delete(posted.jobId);
    assert.deepEqual(await isQueued(posted.jobId, 2_000), { rank: 2, attempts: 1 });
  });

  it('become fewer with the minimum, and others with the template', async () => {
    const own = await openProcesses(ground, STUBBORN, { minimum: 3 });
    await own.processes.start();
    const ids = await own.haveWorkers(3);
    await own.change({ minimum: 1 });
    const [left] = await own.haveWorkers(1);
    assert.ok(left && ids.includes(left));
    await own.change({ concurrency: 7 });
    const [other] = await own.haveWorkers(1, [left]);
    assert.ok(other);
    await own.change({ template: 'of-another-machine' });
    await own.haveWorkers(0);
  });

  it('are adopted by who finds them running', async () => {
    const own = await openProcesses(ground, SLEEPER, { minimum: 2 });
    await own.processes.start();
    const ids = await own.haveWorkers(2);
    const { createProcesses } = await import('./keep-workers.ts');
    for (const id of ids) own.workers.forget(own.endpointId, id);
    const next = createProcesses({ ...own.parts, host: { ...own.host, onExit: () => undefined } });
    await next.start();
    assert.ok(ids.every((id) => next.owns(id)));
    assert.ok(ids.every((id) => own.workers.find(own.endpointId, id) !== undefined));
    assert.deepEqual(own.workersNow().sort(), [...ids].sort());
  });

  it('that cannot be started count as a crash loop, until their settings change', async () => {
    const own = await openProcesses(ground, { command: ['no-such-program'] }, { minimum: 2 });
    await own.processes.start();
    const startedMs = performance.now();
    await eventually('a crash loop', () => own.processes.crashLoops().length > 0);
    const tookMs = performance.now() - startedMs;
    assert.ok(tookMs > 7_000, `four pauses of 0, 1, 2 and 4 s before the fifth failure: ${tookMs}`);
    const reason = 'The worker cannot be started: "no-such-program" is not there.';
    const looping = own.processes.crashLoops();
    const { endpointId } = own;
    assert.deepEqual(looping, [{ endpointId, workers: 2, lastError: reason }]);
    const told = own.lines.filter((line) => line.includes('fail again and again'));
    assert.equal(told.length, 1);
    assert.ok(told[0]?.includes('no-such-program'));
    await own.change({ minimum: 1 });
    assert.equal(own.processes.crashLoops().length, 0);
  });

  it('may finish their jobs at the stop, and lose them unspent after the drain', async () => {
    const own = await openProcesses(ground, STUBBORN, { drainMs: 500, minimum: 2 });
    await own.processes.start();
    const [workerId] = await own.haveWorkers(2);
    assert.ok(workerId);
    const { jobId } = await runJob(ground, own.endpointId, workerId);
    const pids = own.host.list().flatMap(({ pid }) => pid ?? []);
    const startedMs = performance.now();
    await own.processes.stop();
    const tookMs = performance.now() - startedMs;
    assert.ok(tookMs >= 490 && tookMs < 3_000, `${tookMs} ms`);
    assert.deepEqual(await queued(jobId), { rank: 3, attempts: 0 });
    assert.ok(!pids.some(isRunning));
  });

  it('lose their jobs as soon as a database that was away is back', async () => {
    const own = await openProcesses(ground, SLEEPER);
    await own.processes.start();
    const [workerId] = await own.haveWorkers(1);
    assert.ok(workerId);
    const { jobId } = await runJob(ground, own.endpointId, workerId);
    ground.cut();
    process.kill(own.host.list()[0]?.pid ?? 0, 'SIGKILL');
    await own.exitOf(workerId);
    await assert.rejects(queued(jobId), StoreUnavailable);
    ground.mend();
    assert.deepEqual(await isQueued(jobId, 5_000), { rank: 2, attempts: 1 });
    await own.haveWorkers(1, [workerId]);
  });
});
