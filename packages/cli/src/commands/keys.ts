import { type KeyRecord, SCOPES, type Scope } from '@switchyard/contracts';
import { type Command, Option } from 'commander';
import { endpointIds, examples } from '../arguments.ts';
import { openClient } from '../open-client.ts';
import { print, printJson } from '../output/print.ts';
import { fieldLines, tableLines } from '../output/table.ts';

type Json = { readonly json?: boolean };
type CreateOptions = Json & {
  readonly scope: readonly Scope[];
  readonly endpoint?: readonly string[];
  readonly expiresAt?: string;
};

/** `switchyard keys` */
export const addKeys = (program: Command): void => {
  const keys = program
    .command('keys')
    .summary('list, make and revoke API keys')
    .description('List, make and revoke API keys. The key itself is shown only when it is made.');
  keys
    .command('list', { isDefault: true })
    .description('List keys, revoked ones too.')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('switchyard keys'))
    .action(async (options: Json) => {
      const all = await (await openClient()).keys.list();
      if (options.json) printJson(all);
      else print(...tableLines(HEADINGS, all.map(rowOf)));
    });
  addCreate(keys);
  keys
    .command('revoke')
    .description('End a key.')
    .argument('<id>', 'the id of the key, as list prints it')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('switchyard keys revoke KEY_ID'))
    .action(async (id: string, options: Json) => {
      const revoked = await (await openClient()).keys.revoke(id);
      if (options.json) printJson(revoked);
      else print(...tableLines(HEADINGS, [rowOf(revoked)]));
    });
};

const addCreate = (keys: Command): void => {
  keys
    .command('create')
    .description('Make a key and print it this once.')
    .argument('<name>', 'what it is for')
    .addOption(
      new Option('--scope <scopes...>', 'what it may do; worker makes a worker token')
        .choices(SCOPES)
        .makeOptionMandatory(),
    )
    .option('--endpoint <id>', 'limit it to this endpoint; may be repeated', endpointIds)
    .option('--expires-at <time>', 'when it ends, in ISO 8601; UTC without a zone')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples(
        'switchyard keys create ci --scope submit read --endpoint echo',
        'switchyard keys create gpu-box --scope worker --endpoint thumbnail',
      ),
    )
    .action(async (name: string, { json, scope, endpoint, expiresAt }: CreateOptions) => {
      const made = await (await openClient()).keys.create({
        name,
        scopes: [...new Set(scope)],
        ...(endpoint && { endpoints: [...endpoint] }),
        ...(expiresAt !== undefined && { expiresAt }),
      });
      if (json) printJson(made);
      else
        print(
          ...fieldLines([
            ['id', made.id],
            ['key', made.key],
          ]),
          '',
          'It is shown this once.',
        );
    });
};

const HEADINGS = ['ID', 'NAME', 'SCOPES', 'ENDPOINTS', 'EXPIRES', 'REVOKED'];

const rowOf = ({ id, name, scopes, endpoints, expiresAt, revokedAt }: KeyRecord) => [
  id,
  name,
  scopes.join(' '),
  endpoints?.join(' ') ?? 'all',
  expiresAt,
  revokedAt,
];
