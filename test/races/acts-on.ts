import { WORKER } from '../store/jobs.ts';
import { type Act, type ActName, STRANGER } from './acts.ts';
import type { Job } from './model.ts';

/** The claim that results and losses of a job are about: one that is to come, for a queued job. */
export const liveClaimOf = ({ state, claimNo }: Job): number =>
  state === 'IN_QUEUE' ? claimNo + 1 : claimNo;

/** The acts on `job`, those among them that are late for it or come from a foreign worker. */
export const actsOn = (job: Job): Readonly<Record<ActName, Act>> => {
  const live = liveClaimOf(job);
  const completed = { kind: 'finish', status: 'COMPLETED', workerId: WORKER } as const;
  return {
    claim: { kind: 'claim', workerId: WORKER },
    complete: { ...completed, claimNo: live },
    completeUnnamed: { ...completed, claimNo: null },
    completeLate: { ...completed, claimNo: live - 1 },
    completeForeign: { ...completed, claimNo: live, workerId: STRANGER },
    fail: { ...completed, claimNo: live, status: 'FAILED' },
    chunk: { kind: 'chunk', numbered: { claimNo: live, seq: 0 }, workerId: WORKER },
    handBack: { kind: 'lose', claimNo: live, reason: 'not_handed_over' },
    loseLate: { kind: 'lose', claimNo: live - 1, reason: 'worker_lost' },
    recover: { kind: 'recover' },
    cancel: { kind: 'cancel' },
    purge: { kind: 'purge' },
    expire: { kind: 'expire' },
    overrun: { kind: 'overrun' },
    escalate: { kind: 'escalate' },
    start: { kind: 'start' },
    retry: { kind: 'retry' },
    retire: { kind: 'retire' },
  };
};
