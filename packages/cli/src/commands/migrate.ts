import { streams } from '@switchyard/contracts';
import type { Command } from 'commander';
import { examples } from '../arguments.ts';
import { readCommandConfig } from '../config.ts';
import { CommandFailed, EXIT, UsageError } from '../failures.ts';
import { note, print, printJson } from '../output/print.ts';

/** `switchyard migrate` */
export const addMigrate = (program: Command): void => {
  program
    .command('migrate')
    .summary("bring a database and a broker to this version's shape")
    .description(
      "Bring the database at DATABASE_URL to this version's schema, and make the streams and " +
        'queues that are missing on the broker at BROKER_URL; either may be left out. Prints ' +
        'what was done; does nothing where there is nothing to do. Services do the same when ' +
        'they start, as far as their users may. The embedded database is migrated by ' +
        '`switchyard up`.',
    )
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples(
        'DATABASE_URL=postgres://switchyard@db.example/switchyard switchyard migrate',
        'BROKER_URL=nats://operator:…@nats.example switchyard migrate',
      ),
    )
    .action(async (options: { readonly json?: boolean }) => {
      process.exitCode = await migrateAll(options.json === true);
    });
};

type Outcome = { applied?: readonly string[]; declared?: readonly string[] };

const migrateAll = async (json: boolean): Promise<number> => {
  const { databaseUrl, brokerUrl } = readCommandConfig();
  if (databaseUrl === undefined && brokerUrl === undefined) {
    throw new UsageError([
      'Neither DATABASE_URL nor BROKER_URL is set; the embedded database is migrated by ' +
        '`switchyard up`.',
    ]);
  }
  const outcome: Outcome = {};
  if (databaseUrl !== undefined) {
    const applied = await migrateDatabase(databaseUrl);
    if (applied === undefined) return EXIT.unreachable;
    outcome.applied = applied;
  }
  if (brokerUrl !== undefined) {
    const declared = await declareStreams(brokerUrl);
    if (declared === undefined) return EXIT.unreachable;
    outcome.declared = declared;
  }
  tell(outcome, json);
  return EXIT.fine;
};

const tell = (outcome: Outcome, json: boolean): void => {
  const { applied, declared } = outcome;
  if (json) printJson(outcome);
  else {
    if (applied?.length === 0) print('nothing to apply');
    print(...(applied ?? []).map((step) => `applied ${step}`));
    print(...(declared ?? []).map((name) => `the broker has ${name}`));
  }
};

/** @returns the steps that were applied; undefined where the database cannot be reached. */
const migrateDatabase = async (url: string): Promise<readonly string[] | undefined> => {
  // Loaded here, as the broker below, so that no other command waits for it.
  const { isPassing, migrate } = await import('@switchyard/store');
  try {
    return await migrate(url);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if (!isPassing(error)) throw new CommandFailed(sentenceOf(error), { cause: error });
    note(`The database cannot be reached: ${sentenceOf(error)}`);
    return undefined;
  }
};

/** @returns the names of all streams, which are there now; undefined where no broker answers. */
const declareStreams = async (url: string): Promise<readonly string[] | undefined> => {
  const { BrokerError, openBroker } = await import('@switchyard/broker');
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const specs = Object.values(streams);
  try {
    const broker = await openBroker(url, { name: 'switchyard migrate', log, streams: specs });
    await broker.close();
    return specs.map(({ name }) => name);
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    if (error.code !== 'broker.unavailable') {
      throw new CommandFailed(error.message, { cause: error });
    }
    note(`The broker cannot be reached: ${error.message}`);
    return undefined;
  }
};

/** A refused connection to a name with several addresses has a message of its own in each. */
const sentenceOf = (error: Error): string =>
  error instanceof AggregateError && error.errors[0] instanceof Error
    ? error.errors[0].message
    : error.message;
