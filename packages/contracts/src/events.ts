import { type Static, Type } from 'typebox';

/** Every fact of the log about a job; `progress` is sent besides, at most once, and not logged. */
export const EVENTS = [
  'accepted',
  'started',
  'escalated',
  'requeued',
  'completed',
  'failed',
  'cancelled',
  'timed_out',
  'retried',
] as const;
export type EventName = (typeof EVENTS)[number];

/** Why a claim ended without a result. */
export const REQUEUE_REASONS = [
  'worker_exited',
  'worker_lost',
  'result_lost',
  'assign_lost',
  'not_handed_over',
  'switchyard_ended_it',
] as const;
export type RequeueReason = (typeof REQUEUE_REASONS)[number];

/** CloudEvents 1.0, structured JSON: https://github.com/cloudevents/spec */
export const CloudEventSchema = Type.Object({
  specversion: Type.Literal('1.0'),
  /** Stable over repeats: consumers deduplicate on it. */
  id: Type.String(),
  source: Type.String({ description: '/endpoints/{endpoint}' }),
  type: Type.String({ description: 'switchyard.job.{event}' }),
  subject: Type.String({ description: 'The job id.' }),
  time: Type.String(),
  datacontenttype: Type.Literal('application/json'),
  /** The job's own count of events, from 1, without gaps. */
  sequence: Type.Optional(Type.String()),
  data: Type.Object({
    endpoint: Type.String(),
    job: Type.String(),
    workerId: Type.Optional(Type.String()),
    claimNo: Type.Optional(Type.Integer()),
    reason: Type.Optional(Type.String()),
    output: Type.Optional(Type.Unknown({ description: 'Of progress: what the worker told.' })),
  }),
});
export type CloudEvent = Static<typeof CloudEventSchema>;
