import type { Command } from 'commander';
import { examples } from '../arguments.ts';
import { readCommandConfig } from '../config.ts';
import { CommandFailed, EXIT, UsageError } from '../failures.ts';
import { note, print, printJson } from '../output/print.ts';

/** `switchyard migrate` */
export const addMigrate = (program: Command): void => {
  program
    .command('migrate')
    .summary("bring a database to this version's schema")
    .description(
      "Bring the database at DATABASE_URL to this version's schema, and print the steps that " +
        'were applied. Does nothing where there is nothing to do. The embedded database is ' +
        'migrated by `switchyard up`.',
    )
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples('DATABASE_URL=postgres://switchyard@db.example/switchyard switchyard migrate'),
    )
    .action(async (options: { readonly json?: boolean }) => {
      process.exitCode = await migrateDatabase(options.json === true);
    });
};

const migrateDatabase = async (json: boolean): Promise<number> => {
  const { databaseUrl } = readCommandConfig();
  if (databaseUrl === undefined) {
    throw new UsageError([
      'DATABASE_URL is not set; the embedded database is migrated by `switchyard up`.',
    ]);
  }
  // Loaded here, so that no other command waits for it.
  const { isPassing, migrate } = await import('@switchyard/store');
  try {
    const applied = await migrate(databaseUrl);
    if (json) printJson({ applied });
    else if (applied.length === 0) print('nothing to apply');
    else print(...applied.map((step) => `applied ${step}`));
    return EXIT.fine;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if (!isPassing(error)) throw new CommandFailed(sentenceOf(error), { cause: error });
    note(`The database cannot be reached: ${sentenceOf(error)}`);
    return EXIT.unreachable;
  }
};

/** A refused connection to a name with several addresses has a message of its own in each. */
const sentenceOf = (error: Error): string =>
  error instanceof AggregateError && error.errors[0] instanceof Error
    ? error.errors[0].message
    : error.message;
