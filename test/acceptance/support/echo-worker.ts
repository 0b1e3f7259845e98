import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { REPOSITORY } from '../../support/start-switchyard.ts';
import { workerEnvironment } from '../../support/worker-environment.ts';

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
  const child = spawn(process.execPath, [path.join(REPOSITORY, 'examples/echo/worker.ts')], {
    cwd: REPOSITORY,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...workerEnvironment({ base, endpoint, token, workerId: `echo-${endpoint}` }),
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
