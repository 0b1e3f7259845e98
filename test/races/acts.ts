/** What may happen to a job, as data that the model and the database both follow. */
import type { RequeueReason, WorkerId } from '@switchyard/contracts';

export type Act =
  | { readonly kind: 'claim'; readonly workerId: WorkerId }
  | {
      readonly kind: 'finish';
      readonly workerId: WorkerId;
      /** Null as in RunPod's protocol. */
      readonly claimNo: number | null;
      readonly status: 'COMPLETED' | 'FAILED';
    }
  | {
      readonly kind: 'chunk';
      readonly workerId: WorkerId;
      /** Null as in RunPod's protocol: behind the last one of the claim. */
      readonly numbered: { readonly claimNo: number; readonly seq: number } | null;
    }
  | { readonly kind: 'lose'; readonly claimNo: number; readonly reason: RequeueReason }
  | { readonly kind: SimpleKind };

/** The acts that are about jobs as they are found, whoever holds them. */
type SimpleKind =
  | 'recover'
  | 'cancel'
  | 'purge'
  | 'expire'
  | 'overrun'
  | 'escalate'
  | 'start'
  | 'retry'
  | 'retire';

export const STRANGER = 'worker-2' as WorkerId;

/** In the order of the tables that are printed. */
export const ACT_NAMES = [
  'claim',
  'complete',
  'completeUnnamed',
  'completeLate',
  'completeForeign',
  'fail',
  'chunk',
  'handBack',
  'loseLate',
  'recover',
  'cancel',
  'purge',
  'expire',
  'overrun',
  'escalate',
  'start',
  'retry',
  'retire',
] as const;
export type ActName = (typeof ACT_NAMES)[number];
