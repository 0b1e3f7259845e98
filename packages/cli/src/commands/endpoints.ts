import type { Endpoint } from '@switchyard/contracts';
import type { Command } from 'commander';
import { endpointId, examples } from '../arguments.ts';
import { openClient } from '../open-client.ts';
import { clean, print, printJson } from '../output/print.ts';
import { fieldLines, tableLines } from '../output/table.ts';

type Json = { readonly json?: boolean };

/** `switchyard endpoints` */
export const addEndpoints = (program: Command): void => {
  const endpoints = program
    .command('endpoints')
    .summary('list and show endpoints')
    .description('List endpoints, or show one. `switchyard apply` makes and changes them.');
  endpoints
    .command('list', { isDefault: true })
    .description('List every endpoint that the key may use.')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('switchyard endpoints', 'switchyard endpoints list --json'))
    .action(async (options: Json) => {
      const all = await (await openClient()).endpoints.list();
      if (options.json) printJson(all);
      else print(...tableLines(HEADINGS, all.map(rowOf)));
    });
  endpoints
    .command('show')
    .description('Show an endpoint with every setting resolved.')
    .argument('<endpoint>', 'which', endpointId)
    .option('--json', 'print JSON')
    .addHelpText('after', examples('switchyard endpoints show echo'))
    .action(async (id: string, options: Json) => {
      const endpoint = await (await openClient()).endpoints.read(id);
      if (options.json) printJson(endpoint);
      else print(...fieldLines(flatten(endpoint)));
    });
  endpoints
    .command('webhook-secret')
    .description(
      'Make a new secret that signs webhooks, and print it this once. The former one signs too, ' +
        'until the next is made.',
    )
    .argument('<endpoint>', 'whose', endpointId)
    .option('--json', 'print JSON')
    .addHelpText('after', examples('switchyard endpoints webhook-secret echo'))
    .action(async (id: string, options: Json) => {
      const made = await (await openClient()).endpoints.newWebhookSecret(id);
      if (options.json) printJson(made);
      else print(made.secret);
    });
};

const HEADINGS = ['ID', 'NAME', 'TEMPLATE', 'WORKERS', 'SLOTS EACH', 'PAUSED'];

const rowOf = ({ id, name, worker, paused }: Endpoint) => [
  id,
  name,
  worker?.template ?? null,
  worker ? `${worker.minimum} to ${worker.maximum}` : null,
  worker?.concurrency ?? null,
  paused ? 'yes' : 'no',
];

/** Every setting on a line of its own, named as in `switchyard.yaml`. */
const flatten = (value: object, prefix = ''): [string, string][] =>
  Object.entries(value).flatMap(([name, inner]: [string, unknown]): [string, string][] =>
    typeof inner === 'object' && inner !== null
      ? flatten(inner, `${prefix}${name}.`)
      : [[`${prefix}${name}`, clean(String(inner ?? '-'))]],
  );
