import { type Static, Type } from 'typebox';

/** What services say to each other in hints. Ids are strings here; doors brand them. */

/** `n` rises with each demand of an instance; the newest replaces the last. */
export const DemandSchema = Type.Object({
  instance: Type.String(),
  n: Type.Integer(),
  /** The last assign that this supervisor had from this scheduler when it counted. */
  seen: Type.Integer(),
  endpoints: Type.Array(
    Type.Object({
      endpoint: Type.String(),
      workers: Type.Array(Type.Object({ worker: Type.String(), free: Type.Integer() })),
    }),
  ),
});
export type Demand = Static<typeof DemandSchema>;

/** One claimed job; `body` is the index of its input in the frame, absent when by reference. */
export const AssignedJobSchema = Type.Object({
  job: Type.String(),
  worker: Type.String(),
  claimNo: Type.Integer(),
  executionTimeoutMs: Type.Integer(),
  webhook: Type.Union([Type.String(), Type.Null()]),
  body: Type.Optional(Type.Integer()),
  secret: Type.Optional(Type.Integer()),
});
export type AssignedJob = Static<typeof AssignedJobSchema>;

/** `k` counts the assigns of one scheduler to one supervisor; `n` echoes the demand that it met. */
export const AssignSchema = Type.Object({
  scheduler: Type.String(),
  k: Type.Integer(),
  n: Type.Integer(),
  endpoint: Type.String(),
  jobs: Type.Array(AssignedJobSchema),
});
export type Assign = Static<typeof AssignSchema>;

export const BeatSchema = Type.Object({ instance: Type.String() });

/** Why a running job is to be ended; the worker's process dies for it only on `overrun`. */
export const STOP_REASONS = ['cancelled', 'overrun', 'not_held'] as const;
export type StopReason = (typeof STOP_REASONS)[number];

export const StopSchema = Type.Object({
  endpoint: Type.String(),
  stops: Type.Array(
    Type.Object({
      worker: Type.String(),
      job: Type.String(),
      claimNo: Type.Integer(),
      reason: Type.Enum(STOP_REASONS),
    }),
  ),
});
export type Stop = Static<typeof StopSchema>;

export const ChangedSchema = Type.Object({
  endpoint: Type.String(),
  jobs: Type.Array(Type.String()),
});
export type Changed = Static<typeof ChangedSchema>;

export const ProgressSchema = Type.Object({
  endpoint: Type.String(),
  job: Type.String(),
  claimNo: Type.Union([Type.Integer(), Type.Null()]),
  worker: Type.String(),
});

export const ReconfiguredSchema = Type.Object({
  endpoint: Type.Optional(Type.String()),
  key: Type.Optional(Type.String()),
});
export type Reconfigured = Static<typeof ReconfiguredSchema>;
