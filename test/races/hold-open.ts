import type { Store } from '@switchyard/store';
import type { TestStore } from '../support/store.ts';

/** Work that is done in a transaction which has not ended. */
export type Held<Result> = {
  readonly result: Result;
  /** Commits, or undoes the work. */
  readonly end: (how: Ending) => Promise<void>;
};

export const ENDINGS = ['commit', 'rollback'] as const;
export type Ending = (typeof ENDINGS)[number];

const UNDONE = new Error('the work is undone');

/** Does `work` with a store whose statements are all of one transaction, and leaves that open. */
export const holdOpen = async <Result>(
  store: Store,
  work: (held: Store) => Promise<Result>,
): Promise<Held<Result>> => {
  const done = Promise.withResolvers<Result>();
  const ending = Promise.withResolvers<Ending>();
  const ended = store
    .inTransaction('pinned', async (run) => {
      done.resolve(await work({ ...store, run, runPinned: run }));
      if ((await ending.promise) === 'rollback') throw UNDONE;
    })
    .catch((error: unknown) => {
      done.reject(error);
      if (error !== UNDONE) throw error;
    });
  // It is awaited when the transaction ends; until then `done` tells of a failure.
  ended.catch(() => undefined);
  return {
    result: await done.promise,
    end: (how) => {
      ending.resolve(how);
      return ended;
    },
  };
};

/** Waits until `work` has ended, or the session named `name` waits for a lock. */
export const untilStill = async (
  { sql }: Pick<TestStore, 'sql'>,
  name: string,
  work: Promise<unknown>,
): Promise<'ended' | 'waits'> => {
  let hasEnded = false;
  const note = (): void => {
    hasEnded = true;
  };
  work.then(note, note);
  for (;;) {
    const waiting = await sql(
      `select from pg_stat_activity where application_name = $1 and wait_event_type = 'Lock'`,
      [name],
    );
    if (hasEnded) return 'ended';
    if (waiting.length > 0) return 'waits';
  }
};
