import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { REPOSITORY } from '../../support/start-switchyard.ts';

export type EchoWorkerSettings = {
  readonly gatewayUrl: string;
  readonly endpoint: string;
  readonly token: string;
};

/** Starts examples/echo, a worker of our own library, as a process; disposing it ends it. */
export const startEchoWorker = ({
  gatewayUrl,
  endpoint,
  token,
}: EchoWorkerSettings): AsyncDisposable => {
  const base = `${gatewayUrl}/v2/${endpoint}`;
  const workerId = `echo-${endpoint}`;
  const child = spawn(process.execPath, [path.join(REPOSITORY, 'examples/echo/worker.ts')], {
    cwd: REPOSITORY,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      PATH: process.env.PATH ?? '',
      RUNPOD_WEBHOOK_GET_JOB: `${base}/job-take/$ID?gpu=none`,
      RUNPOD_WEBHOOK_POST_OUTPUT: `${base}/job-done/$RUNPOD_POD_ID/$ID?gpu=none`,
      RUNPOD_WEBHOOK_POST_STREAM: `${base}/job-stream/$RUNPOD_POD_ID/$ID?gpu=none`,
      RUNPOD_WEBHOOK_PING: `${base}/ping/$RUNPOD_POD_ID`,
      RUNPOD_AI_API_KEY: token,
      RUNPOD_POD_ID: workerId,
      RUNPOD_ENDPOINT_ID: endpoint,
      SWITCHYARD_PARENT_PID: String(process.pid),
    },
  });
  const exited = once(child, 'exit');
  return {
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
};
