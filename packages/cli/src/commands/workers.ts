import type { WorkerInfo } from '@switchyard/contracts';
import type { Command } from 'commander';
import { endpointId, examples } from '../arguments.ts';
import { openClient } from '../open-client.ts';
import { print, printJson } from '../output/print.ts';
import { tableLines } from '../output/table.ts';
import { ago } from '../output/times.ts';

/** `switchyard workers` */
export const addWorkers = (program: Command): void => {
  program
    .command('workers')
    .summary('list workers and what they run')
    .description(
      'List the workers of the last hour. One that was not heard of for 30 s is lost: its jobs ' +
        'go to others.',
    )
    .option('--endpoint <id>', 'only of this endpoint', endpointId)
    .option('--json', 'print JSON')
    .addHelpText('after', examples('switchyard workers --endpoint echo'))
    .action(async (options: { readonly endpoint?: string; readonly json?: boolean }) => {
      const { endpoint } = options;
      const query = endpoint === undefined ? {} : { endpoint };
      const workers = await (await openClient()).workers.list(query);
      if (options.json) printJson(workers);
      else print(...tableLines(HEADINGS, workers.map(rowOf)));
    });
};

const HEADINGS = ['ID', 'ENDPOINT', 'STATE', 'BUSY', 'SEEN', 'SUPERVISOR', 'RUNS', 'REASON'];
const RUNS_SHOWN_MAX = 2;

const rowOf = (worker: WorkerInfo) => {
  const { jobs, slots } = worker;
  const more = jobs.length > RUNS_SHOWN_MAX ? ` and ${jobs.length - RUNS_SHOWN_MAX} more` : '';
  return [
    worker.id,
    worker.endpoint,
    worker.state,
    `${jobs.length} of ${slots}`,
    ago(worker.seenAt),
    worker.supervisor.slice(0, 8),
    jobs.length === 0 ? null : jobs.slice(0, RUNS_SHOWN_MAX).join(' ') + more,
    worker.reason,
  ];
};
