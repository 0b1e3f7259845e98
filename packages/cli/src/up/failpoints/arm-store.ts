import type { Failpoints } from '@switchyard/runtime';
import { type Store, StoreUnavailable } from '@switchyard/store';

/** As node-postgres tells of a connection that ended before the answer came. */
const failed = (): never => {
  throw new StoreUnavailable(new Error('Connection terminated by a failpoint'));
};

/**
 * The store with the failpoint `store.{statement}` at each statement, and `store.transaction`
 * around each transaction of several: after it the commit has come.
 */
export const armStore = (store: Store, points: Failpoints): Store => {
  const around = <Result>(name: string, work: () => Promise<Result>): Promise<Result> =>
    points.around(`store.${name}`, work, failed);
  return {
    ...store,
    run: (statement, values) => around(statement.name, () => store.run(statement, values)),
    runPinned: (statement, values) =>
      around(statement.name, () => store.runPinned(statement, values)),
    inTransaction: (kind, work) =>
      around('transaction', () =>
        store.inTransaction(kind, (run) =>
          work((statement, values) => around(statement.name, () => run(statement, values))),
        ),
      ),
    query: (name, work) => around(name, () => store.query(name, work)),
  };
};
