import { open, stat } from 'node:fs/promises';
import path from 'node:path';
import type { TestPostgres } from '../support/postgres.ts';

/**
 * Settings of a database whose server notes how long every fifth statement took: cheaper than
 * measuring each, and it needs nothing of the product.
 */
export const SAMPLING = {
  log_min_duration_sample: '0',
  log_statement_sample_rate: '0.2',
  log_parameter_max_length: '0',
} as const;

export type SampledStatements = {
  /** The durations of statements prepared as `name` since the beginning, in ms. */
  readonly durationsMs: (name: string) => Promise<readonly number[]>;
};

/** Begins to read what the server of `postgres` notes from now on. */
export const sampleStatements = async (postgres: TestPostgres): Promise<SampledStatements> => {
  const file = path.join(path.dirname(postgres.dataDir), 'log');
  const { size: from } = await stat(file);
  return {
    durationsMs: async (name) => {
      const handle = await open(file);
      const found: number[] = [];
      try {
        const pattern = new RegExp(`duration: ([\\d.]+) ms {2}execute ${name}:`);
        for await (const line of handle.readLines({ start: from })) {
          const duration = pattern.exec(line)?.[1];
          if (duration !== undefined) found.push(Number(duration));
        }
      } finally {
        await handle.close();
      }
      return found;
    },
  };
};
