import { WAIT_MS } from '@switchyard/contracts';

/** `?wait=` of runsync and status-sync. */
export const WAIT_PARAMETER = {
  name: 'wait',
  schema: { type: 'integer', ...WAIT_MS },
  description: 'How long to wait for the end of the job, in ms.',
};
