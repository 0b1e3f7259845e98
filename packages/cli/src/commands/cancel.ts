import type { Command } from 'commander';
import { endpointId, examples, jobIds } from '../arguments.ts';
import { changeEach } from '../change-each.ts';
import { openClient } from '../open-client.ts';

/** `switchyard cancel` */
export const addCancel = (program: Command): void => {
  program
    .command('cancel')
    .summary('cancel jobs')
    .description(
      'Cancel jobs that are queued or running, and print the state that each has then: one that ' +
        'has ended already keeps its own.',
    )
    .argument('<endpoint>', 'where they were queued', endpointId)
    .argument('<ids...>', 'the jobs', jobIds)
    .option('--json', 'print JSON, one object a line')
    .addHelpText('after', examples('switchyard cancel echo 0198c0de-7a11-7000-8000-5a5a5a5a5a5a'))
    .action(async (endpoint: string, ids: string[], options: { readonly json?: boolean }) => {
      const client = await openClient();
      const json = options.json === true;
      process.exitCode = await changeEach(ids, json, (id) => client.cancel(endpoint, id));
    });
};
