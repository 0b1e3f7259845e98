import type { Command } from 'commander';
import { endpointId, examples, jobIds } from '../arguments.ts';
import { changeEach } from '../change-each.ts';
import { openClient } from '../open-client.ts';

/** `switchyard retry` */
export const addRetry = (program: Command): void => {
  program
    .command('retry')
    .summary('queue failed jobs again')
    .description(
      'Queue jobs that are FAILED or TIMED_OUT again: same id and input, a fresh time to live.',
    )
    .argument('<endpoint>', 'where they were queued', endpointId)
    .argument('<ids...>', 'the jobs', jobIds)
    .option('--json', 'print JSON, one object a line')
    .addHelpText('after', examples('switchyard retry echo 0198c0de-7a11-7000-8000-5a5a5a5a5a5a'))
    .action(async (endpoint: string, ids: string[], options: { readonly json?: boolean }) => {
      const client = await openClient();
      const json = options.json === true;
      process.exitCode = await changeEach(ids, json, (id) => client.retry(endpoint, id));
    });
};
