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
    .summary('list, show, pause and delete endpoints')
    .description(
      'List endpoints, show one, pause, resume or delete it. `switchyard apply` makes them and ' +
        'changes them, with all of their settings.',
    );
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
  addChanges(endpoints);
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

const addChanges = (endpoints: Command): void => {
  const report = (endpoint: Endpoint, { json }: Json): void => {
    if (json) printJson(endpoint);
    else print(...tableLines(HEADINGS, [rowOf(endpoint)]));
  };
  endpoints
    .command('create')
    .description('Make an endpoint with the default settings.')
    .argument('<endpoint>', 'its id', endpointId)
    .option('--name <name>', 'what people call it; default its id')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('switchyard endpoints create echo --name Echo'))
    .action(async (id: string, { name, ...options }: Json & { readonly name?: string }) => {
      const settings = name === undefined ? { id } : { id, name };
      report(await (await openClient()).endpoints.create(settings), options);
    });
  endpoints
    .command('pause')
    .description('Give no more jobs of an endpoint to workers. It goes on taking jobs.')
    .argument('<endpoint>', 'which', endpointId)
    .option('--json', 'print JSON')
    .addHelpText('after', examples('switchyard endpoints pause echo'))
    .action(async (id: string, options: Json) => {
      report(await (await openClient()).endpoints.pause(id), options);
    });
  endpoints
    .command('resume')
    .description('Give jobs of a paused endpoint to workers again.')
    .argument('<endpoint>', 'which', endpointId)
    .option('--json', 'print JSON')
    .addHelpText('after', examples('switchyard endpoints resume echo'))
    .action(async (id: string, options: Json) => {
      report(await (await openClient()).endpoints.resume(id), options);
    });
  endpoints
    .command('delete')
    .description(
      'Delete an endpoint without unfinished jobs, with the history of all its jobs. It is gone ' +
        'at once; where its history is long, one of its name cannot be made for a while.',
    )
    .argument('<endpoint>', 'which', endpointId)
    .requiredOption('--yes', 'it cannot be undone')
    .addHelpText('after', examples('switchyard endpoints delete echo --yes'))
    .action(async (id: string) => {
      await (await openClient()).endpoints.delete(id);
      print(`${id} is deleted`);
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
