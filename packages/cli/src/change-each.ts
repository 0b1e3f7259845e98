import { type Accepted, ApiError } from '@switchyard/sdk';
import { EXIT } from './failures.ts';
import { note, paintState, print, printJson } from './output/print.ts';

/** A refusal that says something of the one job alone. */
const JOB_AT_FAULT = [404, 409, 410];

/**
 * Changes each job in turn and prints the state that it has then. A job that refuses is told, and
 * the others go on. @returns the exit code: 1 when any refused.
 */
export const changeEach = async (
  jobIds: readonly string[],
  json: boolean,
  change: (jobId: string) => Promise<Accepted>,
): Promise<number> => {
  let exitCode: number = EXIT.fine;
  for (const jobId of jobIds) {
    try {
      const changed = await change(jobId);
      if (json) printJson(changed);
      else print(`${changed.id}  ${paintState(changed.status)}`);
    } catch (error) {
      if (!(error instanceof ApiError) || !JOB_AT_FAULT.includes(error.status)) throw error;
      // A missing endpoint is missing for all of them.
      if (error.code === 'endpoint.not_found') throw error;
      note(`${jobId}: ${error.detail} (${error.code})`);
      exitCode = EXIT.failed;
    }
  }
  return exitCode;
};
