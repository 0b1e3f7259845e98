import { inSweepTurn, type Store } from '@switchyard/store';

/** A number for each sweep: the advisory lock that lets one scheduler do it at a time. */
const SWEEPS = {
  expire: 7_301,
  overdue: 7_302,
  lost: 7_303,
  tidy: 7_304,
  start: 7_305,
  escalate: 7_306,
  retire: 7_307,
  empty: 7_308,
} as const;

/**
 * A sweep as a loop's turn: it looks for what is due, which costs little and is mostly nothing, and
 * does it unless another scheduler does the same sweep.
 */
export const inTurn =
  <Due>(
    store: Store,
    sweep: keyof typeof SWEEPS,
    find: (store: Store) => Promise<readonly Due[]>,
    work: (due: readonly Due[]) => Promise<void>,
  ): (() => Promise<void>) =>
  async () => {
    const due = await find(store);
    if (due.length > 0) await inSweepTurn(store, SWEEPS[sweep], () => work(due));
  };
