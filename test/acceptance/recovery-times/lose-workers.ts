import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { startRunpodWorker } from '../../support/start-runpod-worker.ts';
import { startTcpProxy } from '../../support/tcp-proxy.ts';
import { submit } from '../support/setup-calls.ts';
import { readJob, untilJob } from '../worker-troubles/history.ts';
import { ENDPOINTS, LOCAL_WORKERS, type Recovery } from './open-recovery.ts';

const LOCAL_MAX_MS = 1_000;
const REMOTE_MAX_MS = 45_000;
const WAIT_MS = 120_000;
const LOOK_AGAIN_MS = 20;
/** Longer than the program runs. */
const FOREVER_MS = 600_000;
/** RunPod's own, in ms. */
const PING_INTERVAL_MS = 10_000;

const isDone = ({ status }: { status: string }): boolean => status === 'COMPLETED';

/** Kills workers that the supervisor started, each in the middle of a job. */
export const killLocalWorkers = async ({ checks, call, localJournal }: Recovery): Promise<void> => {
  const ids: string[] = [];
  const gapsMs: number[] = [];
  for (let kills = 0; kills < LOCAL_WORKERS; kills += 1) {
    const id = await submit(call, ENDPOINTS.local, { input: kills });
    ids.push(id);
    const pid = await untilNoted(localJournal, id);
    const killedAtMs = Date.now();
    process.kill(pid, 'SIGKILL');
    gapsMs.push((await backAtMs(call, id, 'worker_exited')) - killedAtMs);
  }
  checks.check(
    Math.max(...gapsMs) <= LOCAL_MAX_MS,
    `local worker killed: slowest of ${gapsMs.length} back in the queue, in s`,
    (Math.max(...gapsMs) / 1_000).toFixed(2),
    `at most ${LOCAL_MAX_MS / 1_000}`,
  );
  await Promise.all(ids.map((id) => untilJob(call, id, isDone, WAIT_MS)));
};

/** The process that the journal names for the job. */
const untilNoted = async (journal: string, id: string): Promise<number> => {
  const untilMs = performance.now() + WAIT_MS;
  for (;;) {
    const text = await readFile(journal, 'utf8').catch(() => '');
    const pid = text.split('\n').find((line) => line.startsWith(`${id} `));
    if (pid !== undefined) return Number(pid.split(' ')[1]);
    if (performance.now() > untilMs) throw new Error(`no local worker took ${id}`);
    await pause(LOOK_AGAIN_MS);
  }
};

/** When the job returned, in ms since 1970. @throws Error when that was for another reason. */
const backAtMs = async (call: Recovery['call'], id: string, reason: string): Promise<number> => {
  const { events } = await untilJob(call, id, (job) => job.events.length >= 3, WAIT_MS);
  const back = events[2];
  if (back?.event !== 'requeued' || back.reason !== reason) {
    throw new Error(`not requeued with ${reason}: ${JSON.stringify(events)}`);
  }
  return Date.parse(back.at);
};

/** Loses workers from elsewhere without a word, as a machine goes; another takes their jobs. */
export const loseRemoteWorkers = async (recovery: Recovery): Promise<void> => {
  await Promise.all([loseOurs(recovery), loseRunpod(recovery)]);
};

const loseOurs = async (recovery: Recovery): Promise<void> => {
  const { call, startWorker } = recovery;
  await using way = await openWay(recovery);
  const doomed = startWorker(ENDPOINTS.remoteOurs, 'doomed-ours', FOREVER_MS, way.url);
  const id = await submit(call, ENDPOINTS.remoteOurs, { input: 1 });
  const untilMs = performance.now() + WAIT_MS;
  while (!doomed.starts().includes(id)) {
    if (performance.now() > untilMs) throw new Error(`the job did not start: ${doomed.log()}`);
    await pause(LOOK_AGAIN_MS);
  }
  const lostAtMs = way.lose();
  startWorker(ENDPOINTS.remoteOurs, 'heir-ours', 0);
  await judgeLoss(recovery, 'of our library', id, lostAtMs);
};

/** A way to the gateway on which all that is sent gets lost from `lose` on. */
const openWay = async ({ switchyard }: Recovery) => {
  const proxy = await startTcpProxy(Number(new URL(switchyard.gatewayUrl).port));
  return {
    url: `http://127.0.0.1:${proxy.port}`,
    lose: (): number => {
      proxy.set({ kind: 'half-open' });
      return Date.now();
    },
    [Symbol.asyncDispose]: () => proxy.close(),
  };
};

const loseRunpod = async (recovery: Recovery): Promise<void> => {
  const { call, switchyard, token } = recovery;
  await using way = await openWay(recovery);
  const startOne = (workerId: string, gatewayUrl: string) =>
    startRunpodWorker({
      ...{ gatewayUrl: `${gatewayUrl}/v2`, endpoint: ENDPOINTS.remoteRunpod },
      ...{ workerToken: token, workerId, pingIntervalMs: PING_INTERVAL_MS },
    });
  const doomed = startOne('doomed-runpod', way.url);
  await using ending = new AsyncDisposableStack();
  ending.defer(() => doomed.close());
  const input = { do: 'sleep', ms: FOREVER_MS, onlyOn: doomed.workerId };
  const id = await submit(call, ENDPOINTS.remoteRunpod, { input });
  await doomed.fact(({ event, jobId }) => event === 'start' && jobId === id, WAIT_MS);
  const lostAtMs = way.lose();
  const heir = startOne('heir-runpod', switchyard.gatewayUrl);
  ending.defer(() => heir.close());
  await judgeLoss(recovery, "of RunPod's protocol", id, lostAtMs);
};

const judgeLoss = async (
  { checks, call }: Recovery,
  whose: string,
  id: string,
  lostAtMs: number,
): Promise<void> => {
  const tookMs = (await backAtMs(call, id, 'worker_lost')) - lostAtMs;
  checks.check(
    tookMs <= REMOTE_MAX_MS,
    `remote worker ${whose} vanished: back in the queue, in s`,
    (tookMs / 1_000).toFixed(1),
    `at most ${REMOTE_MAX_MS / 1_000}`,
  );
  await untilJob(call, id, isDone, WAIT_MS);
  const { workerId, attempt } = await readJob(call, id);
  const ran = `by ${workerId}, attempt ${attempt}`;
  checks.check(
    workerId?.startsWith('heir') === true && attempt === 2,
    `remote worker ${whose} vanished: its job ran`,
    ran,
    'by its heir, attempt 2',
  );
};
