import type { SwitchyardStatus } from './http.ts';
import type { JobId } from './ids.ts';
import type { Priority, State } from './states.ts';

/** What of a status body is ours besides; what is null is left out. */
export type SwitchyardParts = {
  readonly priority: Priority;
  readonly escalatedAt: Date | null;
  readonly attempt: number;
  readonly deadlineAt: Date | null;
  readonly createdAt: Date;
  readonly waiting?: SwitchyardStatus['waiting'];
};

/** What a status body tells; what is null is left out. */
export type StatusParts = {
  readonly id: JobId;
  readonly status: State;
  readonly delayMs: number | null;
  readonly executionMs: number | null;
  readonly workerId: string | null;
  /** Raw JSON of the worker, passed on as it came. */
  readonly output: Buffer | null;
  readonly error: Buffer | null;
  readonly switchyard?: SwitchyardParts;
};

const OUTPUT = Buffer.from(',"output":');
const ERROR = Buffer.from(',"error":');

/**
 * The bytes of a status body, for answers and webhooks alike. `output` and `error` are the worker's
 * own bytes between ours, so that its numbers, escapes and white space arrive as it wrote them.
 */
export const printStatusBody = (parts: StatusParts): Buffer => {
  const head = JSON.stringify({
    id: parts.id,
    status: parts.status,
    delayTime: parts.delayMs ?? undefined,
    executionTime: parts.executionMs ?? undefined,
    workerId: parts.workerId ?? undefined,
  });
  const tail =
    parts.switchyard === undefined ? '}' : `,"switchyard":${printOurs(parts.switchyard)}}`;
  const open = head.slice(0, -1);
  if (parts.output === null && parts.error === null) return Buffer.from(open + tail);
  return Buffer.concat([
    Buffer.from(open),
    ...(parts.output === null ? [] : [OUTPUT, parts.output]),
    ...(parts.error === null ? [] : [ERROR, parts.error]),
    Buffer.from(tail),
  ]);
};

const printOurs = (ours: SwitchyardParts): string =>
  JSON.stringify({
    priority: ours.priority,
    escalatedAt: ours.escalatedAt?.toISOString(),
    attempt: ours.attempt,
    deadline: ours.deadlineAt?.toISOString(),
    createdAt: ours.createdAt.toISOString(),
    waiting: ours.waiting,
  });
