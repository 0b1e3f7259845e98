import { readFileSync } from 'node:fs';
import type { ServiceProcess } from './start-switchyard.ts';

/**
 * The child of the supervisor that speaks HTTP; its other children are workers. Undefined while
 * there is none, as between a death and the next start. On Linux alone.
 */
export const gatewayPidOf = (supervisor: Pick<ServiceProcess, 'pid'>): number | undefined => {
  const keeper = supervisor.pid();
  if (keeper === undefined) return undefined;
  const children = read(`/proc/${keeper}/task/${keeper}/children`).trim().split(' ').map(Number);
  return children.find((pid) => read(`/proc/${pid}/cmdline`).includes('keeper-child'));
};

const read = (file: string): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
};
