import type { Command } from 'commander';
import { endpointId, examples, jobId } from '../arguments.ts';
import { openClient } from '../open-client.ts';
import { print } from '../output/print.ts';
import { printStatusJson, statusLines } from '../output/status.ts';

/** `switchyard status` */
export const addStatus = (program: Command): void => {
  program
    .command('status')
    .summary('show a job')
    .description('Show the state of a job, its times and its output or error.')
    .argument('<endpoint>', 'where it was queued', endpointId)
    .argument('<id>', 'the job', jobId)
    .option('--json', 'print the status body as the server sent it')
    .addHelpText('after', examples('switchyard status echo 0198c0de-7a11-7000-8000-5a5a5a5a5a5a'))
    .action(async (endpoint: string, id: string, options: { readonly json?: boolean }) => {
      const client = await openClient();
      const status = await client.status(endpoint, id);
      if (options.json) printStatusJson(status);
      else print(...statusLines(status));
    });
};
