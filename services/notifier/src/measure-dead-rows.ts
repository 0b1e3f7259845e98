import type { Metrics } from '@switchyard/runtime';
import { readDeadRows, readHorizonAge, type Store } from '@switchyard/store';

/** Tells by metrics what slows a queue in Postgres down: dead rows, and what keeps them. */
export const createDeadRowsMeter = ({
  store,
  metrics,
}: {
  readonly store: Store;
  readonly metrics: Metrics;
}): (() => Promise<void>) => {
  const dead = metrics.gauge(
    'switchyard_dead_rows',
    'Rows that wait for vacuum, as Postgres estimates them.',
    ['table'],
  );
  const horizon = metrics.gauge(
    'switchyard_horizon_age_seconds',
    'Age of the oldest transaction on the database, which keeps dead rows from being cleared.',
  );
  return async () => {
    for (const table of await readDeadRows(store)) dead.set(table.dead, { table: table.name });
    horizon.set((await readHorizonAge(store)) / 1_000);
  };
};
