import { type Static, Type } from 'typebox';

/**
 * The exchange of Switchyard's own worker library: one POST carries results and chunks in and jobs
 * out. Both ways the body is a frame (frame.ts) whose header is one of these.
 * `docs/worker-protocol.md` tells it whole.
 */
export const EXCHANGE_KINDS = ['output', 'error', 'chunk', 'progress'] as const;
export type ExchangeKind = (typeof EXCHANGE_KINDS)[number];

/** What the database keeps claims and chunks by. */
const NUMBER_MAX = 2_147_483_647;

export const ExchangeRequestSchema = Type.Object({
  /** Free slots at this moment. */
  free: Type.Integer({ minimum: 0, maximum: 100_000 }),
  /** Every job that the worker holds, posts of this exchange excepted. */
  held: Type.Array(Type.String({ maxLength: 64 }), { maxItems: 100_000 }),
  /** How long the worker would wait for a job, in ms. */
  waitMs: Type.Integer({ minimum: 0, maximum: 25_000 }),
  /** Each post's body is the frame's body of the same index. */
  posts: Type.Array(
    Type.Object({
      job: Type.String({ maxLength: 64 }),
      claimNo: Type.Integer({ minimum: 1, maximum: NUMBER_MAX }),
      kind: Type.Enum(EXCHANGE_KINDS),
      /** Of a chunk: its place in this claim's stream, from 0. */
      seq: Type.Optional(Type.Integer({ minimum: 0, maximum: NUMBER_MAX })),
    }),
    { maxItems: 100_000 },
  ),
});
export type ExchangeRequest = Static<typeof ExchangeRequestSchema>;

export const ExchangeAnswerSchema = Type.Object({
  /** For each post, whether it was taken; a false one is to be forgotten all the same. */
  accepted: Type.Array(Type.Boolean()),
  /** Each job's input is the frame's body of the same index. */
  jobs: Type.Array(
    Type.Object({
      job: Type.String(),
      claimNo: Type.Integer(),
      executionTimeoutMs: Type.Integer(),
      webhook: Type.Optional(Type.String()),
      s3Config: Type.Optional(Type.Record(Type.String(), Type.String())),
    }),
  ),
  /** Jobs that the worker is to end: it posts nothing more of them. */
  stop: Type.Array(
    Type.Object({
      job: Type.String(),
      claimNo: Type.Integer(),
      reason: Type.String(),
    }),
  ),
  /** The worker is to finish what it holds and leave. */
  drain: Type.Boolean(),
});
export type ExchangeAnswer = Static<typeof ExchangeAnswerSchema>;
