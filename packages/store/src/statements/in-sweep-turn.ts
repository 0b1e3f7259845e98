import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';

const STATEMENT = statement({
  name: 'take_sweep_turn',
  text: 'select pg_try_advisory_xact_lock($1) as mine',
});

/**
 * Runs `work` unless another process does the same sweep now. The lock is held by a transaction of
 * its own on a plain connection: `work` waits for pinned ones, of which it must not hold one.
 * @returns whether it ran.
 */
export const inSweepTurn = (
  store: Store,
  sweep: number,
  work: () => Promise<void>,
): Promise<boolean> =>
  store.inTransaction('plain', async (run) => {
    const [row] = await run<{ mine: boolean }>(STATEMENT, [sweep]);
    if (row?.mine !== true) return false;
    await work();
    return true;
  });
