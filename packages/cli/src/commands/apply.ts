import { isDeepStrictEqual } from 'node:util';
import type { ConfigFile, EndpointSettings } from '@switchyard/contracts';
import { readConfigFile } from '@switchyard/runtime';
import type { Client } from '@switchyard/sdk';
import type { Command } from 'commander';
import { examples } from '../arguments.ts';
import { readCommandConfig } from '../config.ts';
import { UsageError } from '../failures.ts';
import { openClient } from '../open-client.ts';
import { print, printJson } from '../output/print.ts';
import { tableLines } from '../output/table.ts';

type Applied = {
  readonly id: string;
  readonly outcome: 'created' | 'changed' | 'unchanged';
};

/** `switchyard apply` */
export const addApply = (program: Command): void => {
  program
    .command('apply')
    .summary('make and change the endpoints of a switchyard.yaml')
    .description(
      'Make the endpoints of a switchyard.yaml that do not exist, and change those that do to ' +
        'what it says. Settings that it does not name stay, and so do other endpoints. Worker ' +
        'templates are not sent: the supervisor reads them from the file on its own machine.',
    )
    .option('-f, --file <file>', 'the file; default SWITCHYARD_CONFIG, or switchyard.yaml')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('switchyard apply -f switchyard.yaml'))
    .action(async (options: { readonly file?: string; readonly json?: boolean }) => {
      const endpoints = await readEndpoints(options.file);
      const client = await openClient();
      const applied = await applyAll(client, endpoints);
      if (options.json) printJson(applied);
      else
        print(
          ...tableLines(
            ['ID', 'OUTCOME'],
            applied.map((one) => [one.id, one.outcome]),
          ),
        );
    });
};

/** The endpoints of the file. @throws UsageError with every problem of file and environment. */
const readEndpoints = async (named: string | undefined): Promise<[string, EndpointSettings][]> => {
  const read = await readConfigFile(named ?? readCommandConfig().configPath);
  if (!read.ok) throw new UsageError(read.problems);
  const { endpoints = {} }: ConfigFile = read.file;
  const entries = Object.entries(endpoints);
  if (entries.length > 0) return entries;
  throw new UsageError([
    read.path === undefined
      ? 'There is no switchyard.yaml here; name a file with -f.'
      : `${read.path} names no endpoints.`,
  ]);
};

const applyAll = async (
  client: Client,
  endpoints: readonly [string, EndpointSettings][],
): Promise<Applied[]> => {
  const present = new Map((await client.endpoints.list()).map((one) => [one.id, one]));
  const applied: Applied[] = [];
  for (const [id, settings] of endpoints) {
    const before = present.get(id);
    if (before === undefined) {
      await client.endpoints.create({ id, ...settings });
      applied.push({ id, outcome: 'created' });
    } else {
      const after = await client.endpoints.update(id, settings);
      applied.push({ id, outcome: isDeepStrictEqual(before, after) ? 'unchanged' : 'changed' });
    }
  }
  return applied;
};
