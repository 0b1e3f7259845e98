import { SERVICE_NAMES } from '@switchyard/runtime';
import type { Command } from 'commander';
import { examples } from '../arguments.ts';

/** `switchyard up` */
export const addUp = (program: Command): void => {
  program
    .command('up')
    .summary('run services until a signal ends them')
    .description(
      'Run services until a signal ends them: all in this process, or those that are named. ' +
        'Without DATABASE_URL a database is kept in SWITCHYARD_DATA_DIR; without BROKER_URL all ' +
        'services must run in this one process.',
    )
    .argument('[services...]', `any of ${SERVICE_NAMES.join(', ')}; default all`)
    .option('--demo', 'run one job at the start and show what came of it')
    .addHelpText(
      'after',
      examples(
        'switchyard up',
        'DATABASE_URL=postgres://… BROKER_URL=nats://… switchyard up intake scheduler',
      ),
    )
    .action(async (services: string[], options: { readonly demo?: boolean }) => {
      // Loaded here, so that no other command waits for four services to load.
      const { up } = await import('../up/up.ts');
      process.exitCode = await up({ services, demo: options.demo === true });
    });
};
