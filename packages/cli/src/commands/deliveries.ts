import type { Delivery } from '@switchyard/sdk';
import type { Command } from 'commander';
import { endpointId, examples, jobId, wholeNumber } from '../arguments.ts';
import { openClient } from '../open-client.ts';
import { print, printJson } from '../output/print.ts';
import { type Cell, tableLines } from '../output/table.ts';

type Options = { readonly job?: string; readonly limit: number; readonly json?: boolean };

const LIMIT = 20;
const LIMIT_MAX = 1_000;

/** `switchyard deliveries` */
export const addDeliveries = (program: Command): void => {
  program
    .command('deliveries')
    .summary('list webhooks and their tries')
    .description('List the newest webhooks of an endpoint, with a line for each try.')
    .argument('<endpoint>', 'whose', endpointId)
    .option('--job <id>', 'only those of this job', jobId)
    .option('--limit <n>', 'webhooks at most', wholeNumber(1, LIMIT_MAX), LIMIT)
    .option('--json', 'print JSON')
    .addHelpText('after', examples('switchyard deliveries echo --limit 5'))
    .action(async (endpoint: string, { job, limit, json }: Options) => {
      const query = { limit, ...(job !== undefined && { job }) };
      const all = await (await openClient()).endpoints.deliveries(endpoint, query);
      if (json) printJson(all);
      else print(...tableLines(HEADINGS, all.flatMap(rowsOf)));
    });
};

const HEADINGS = ['JOB', 'URL', 'OUTCOME', 'TRY', 'STARTED', 'MS', 'ANSWER'];

const rowsOf = ({ job, url, outcome, tries }: Delivery): Cell[][] => {
  const shown = [job, url, outcome ?? 'open'];
  if (tries.length === 0) return [[...shown, null, null, null, null]];
  return tries.map((one) => [
    ...shown,
    one.n,
    one.startedAt,
    one.durationMs,
    one.responseStatus ?? one.error ?? one.outcome,
  ]);
};
