import { setTimeout as pause } from 'node:timers/promises';
import { gatewayPidOf } from '../../support/gateway-pid.ts';
import type { ProcessTarget, WorkerTarget } from '../draw-faults.ts';
import type { Ground } from '../ground.ts';
import { type Supervision, untilReady } from '../supervise.ts';

/** Kills with -9. A service is started again by the supervision, the gateway by its keeper. */
export const strikeProcess = async (
  ground: Ground,
  supervision: Supervision,
  target: ProcessTarget,
  holdMs: number,
): Promise<void> => {
  if (target !== 'gateway') {
    return supervision.kill(ground.switchyard.process(target), holdMs);
  }
  const pid = gatewayPid(ground);
  if (pid !== undefined) signal(pid, 'SIGKILL');
  await pause(holdMs);
  await untilReady(ground.switchyard.process('supervisor'));
};

/** Stops the process for a while, as a machine does that swaps or is moved. */
export const stopProcess = async (
  ground: Ground,
  target: ProcessTarget | WorkerTarget,
  holdMs: number,
): Promise<void> => {
  const pid = pidOf(ground, target);
  if (pid === undefined) return;
  signal(pid, 'SIGSTOP');
  await pause(holdMs);
  signal(pid, 'SIGCONT');
};

const pidOf = (ground: Ground, target: ProcessTarget | WorkerTarget): number | undefined => {
  switch (target) {
    case 'gateway':
      return gatewayPid(ground);
    case 'worker-one':
    case 'worker-two':
      return ground.workers[target].pid;
    default:
      return ground.switchyard.process(target).pid();
  }
};

/** One that ended meanwhile needs no signal. */
const signal = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
};

const gatewayPid = ({ switchyard }: Ground): number | undefined =>
  gatewayPidOf(switchyard.process('supervisor'));
