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
} as const;

/** `work` as a loop's turn: it does nothing while another scheduler does the same sweep. */
export const inTurn =
  (store: Store, sweep: keyof typeof SWEEPS, work: () => Promise<void>): (() => Promise<void>) =>
  async () => {
    await inSweepTurn(store, SWEEPS[sweep], work);
  };
