import type { Command } from 'commander';
import { endpointId, examples, jobIds } from '../arguments.ts';
import { onInterrupt } from '../failures.ts';
import { followJobs } from '../follow-jobs.ts';
import { openClient } from '../open-client.ts';

/** `switchyard wait` */
export const addWait = (program: Command): void => {
  program
    .command('wait')
    .summary('wait until jobs have ended')
    .description(
      'Wait until all of the jobs have ended, and print how. Exit code 1 when any ended other ' +
        'than COMPLETED.',
    )
    .argument('<endpoint>', 'where they were queued', endpointId)
    .argument('<ids...>', 'the jobs', jobIds)
    .option('--json', 'print the status body of each as it ends, one a line')
    .addHelpText('after', examples('switchyard wait echo $(switchyard submit echo 1)'))
    .action(async (endpoint: string, ids: string[], options: { readonly json?: boolean }) => {
      const client = await openClient({ patient: true });
      const signal = onInterrupt();
      const json = options.json === true;
      process.exitCode = await followJobs(client, endpoint, ids, { json, signal });
    });
};
