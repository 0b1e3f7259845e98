import type { Failpoints } from '@switchyard/runtime';
import type { WorkerHost } from '@switchyard/supervisor';

const NOWHERE = ['/nowhere/a-failpoint'];

/**
 * The host of worker processes with the failpoints `supervisor.spawn-worker`, which failing starts
 * a program that is not there, and `supervisor.end-worker`.
 */
export const armHost = (host: WorkerHost, points: Failpoints): WorkerHost => ({
  ...host,
  start: (spec) => {
    const isSent = points.send('supervisor.spawn-worker', () => host.start(spec));
    if (!isSent) host.start({ ...spec, command: NOWHERE });
  },
  end: (workerId, how) => {
    points.send('supervisor.end-worker', () => host.end(workerId, how));
  },
});
