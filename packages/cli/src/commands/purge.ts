import type { Command } from 'commander';
import { endpointId, examples } from '../arguments.ts';
import { openClient } from '../open-client.ts';
import { print, printJson } from '../output/print.ts';

/** `switchyard purge` */
export const addPurge = (program: Command): void => {
  program
    .command('purge')
    .summary('cancel every queued job of an endpoint')
    .description('Cancel every queued job of an endpoint. Running jobs go on.')
    .argument('<endpoint>', 'whose queue', endpointId)
    .option('--json', 'print JSON')
    .addHelpText('after', examples('switchyard purge echo'))
    .action(async (endpoint: string, options: { readonly json?: boolean }) => {
      const client = await openClient();
      const purged = await client.purgeQueue(endpoint);
      if (options.json) printJson(purged);
      else print(`${purged.removed} queued jobs cancelled`);
    });
};
