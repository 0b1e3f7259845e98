import { refuse } from '@switchyard/contracts';
import { type Store, StoreUnavailable } from '@switchyard/store';

/** Failures in a row, of a database that is away, before calls are refused without asking it. */
const FAILURES_MAX = 3;
/** How long they are refused before one call may try again, in ms. */
const OPEN_MS = 500;
/** Calls under way; connections are few, so that beyond it they would only pile up. */
const CALLS_MAX = 2_000;

/**
 * The store behind a circuit breaker: while the database is away callers hear so at once instead of
 * waiting for a connection each, and nothing builds up in memory. Every OPEN_MS one call goes
 * through to see whether it is back.
 */
export const guardStore = (store: Store): Store => {
  let failures = 0;
  let openUntilMs = 0;
  let calls = 0;

  const admit = (): void => {
    if (calls >= CALLS_MAX) {
      const detail = 'Too many requests wait for the database; try again in a moment.';
      throw refuse('service.overloaded', detail, { retryAfterSeconds: 1 });
    }
    if (failures < FAILURES_MAX) return;
    const nowMs = performance.now();
    if (nowMs < openUntilMs) throw new StoreUnavailable(new Error('refused without asking it'));
    // This call is the one that tries; until it is answered the others are refused.
    openUntilMs = nowMs + OPEN_MS;
  };

  const guarded = async <Result>(call: () => Promise<Result>): Promise<Result> => {
    admit();
    calls += 1;
    try {
      const result = await call();
      failures = 0;
      return result;
    } catch (error) {
      if (error instanceof StoreUnavailable) {
        failures += 1;
        openUntilMs = performance.now() + OPEN_MS;
      } else {
        failures = 0;
      }
      throw error;
    } finally {
      calls -= 1;
    }
  };

  return {
    run: (statement, values) => guarded(() => store.run(statement, values)),
    runPinned: (statement, values) => guarded(() => store.runPinned(statement, values)),
    inTransaction: (kind, work) => guarded(() => store.inTransaction(kind, work)),
    query: (name, work) => guarded(() => store.query(name, work)),
    close: () => store.close(),
  };
};
