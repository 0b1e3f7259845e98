import { setTimeout as pause } from 'node:timers/promises';
import type { Broker, Handler, Settlement } from '@switchyard/broker';
import {
  type EndpointId,
  ERRORS,
  type Problem,
  parseEndpointId,
  streams,
  topics,
} from '@switchyard/contracts';
import type { Health, Log, Metrics } from '@switchyard/runtime';
import {
  type Carried,
  endpointWordOf,
  type TakeContext,
  type Taken,
  takeSubmission,
} from '../take-submission.ts';

export type SubmissionsContext = TakeContext & {
  readonly broker: Broker;
  readonly log: Log;
  readonly health: Health;
  readonly metrics: Metrics;
};

/** Submissions in hand: enough for full batches, and with bodies of 1 MiB they take 128 MiB. */
const PREFETCH = 128;
/** How long a submission is held here while the database is away, and the waits between tries. */
const HOLD_MAX_MS = 30_000;
const HOLD_WAIT_MS = { first: 100, longest: 2_000 } as const;
/** After how long one comes again whose own endpoint does not take it now. */
const AGAIN_MS = { first: 1_000, longest: 30_000 } as const;
/** Deliveries of a submission on which this service makes a mistake, before it is given up. */
const DEFECTS_MAX = 10;
/** Where notes go of topics in which no endpoint can stand. */
const NOWHERE = 'unknown' as EndpointId;

/**
 * Takes submissions from the broker, published ones and those of producers who ask and wait, until
 * `stop` aborts and all that is in hand is settled. What the broker refuses to begin is logged and
 * shows in the health of this process; HTTP goes on.
 */
export const takeSubmissions = async (
  context: SubmissionsContext,
  stop: AbortSignal,
): Promise<void> => {
  let isRefused = false;
  context.health.register('submissions', () =>
    isRefused
      ? { ok: false, detail: 'The broker does not let us take submissions.' }
      : { ok: true },
  );
  const refused = (error: unknown): void => {
    isRefused = true;
    context.log.error({ err: error }, 'Submissions from the broker cannot be taken');
  };
  const count = createCounter(context.metrics);
  await Promise.all([
    consumeSubmissions(context, count, stop).catch(refused),
    serveSubmissions(context, count, stop).catch(refused),
  ]);
};

/** Acks after the commit, and buries with its reason what can never be taken. */
const consumeSubmissions = async (
  context: SubmissionsContext,
  count: Count,
  stop: AbortSignal,
): Promise<void> => {
  const handle: Handler = async (message, { attempt }) => {
    const settlement = settlementOf(await takeOrHold(context, message, stop), attempt);
    count(settlement.kind);
    return settlement;
  };
  await context.broker.consume(topics.anySubmit, streams.submissions.group, handle, stop, {
    prefetch: PREFETCH,
    deadTopic: ({ topic }) => topics.dead(parseEndpointId(endpointWordOf(topic)) ?? NOWHERE),
    overdue: () => count('overdue'),
  });
};

/** Answers whoever waits, with refusals too. */
const serveSubmissions = async (
  context: SubmissionsContext,
  count: Count,
  stop: AbortSignal,
): Promise<void> => {
  const answer = async (request: Carried): Promise<Buffer> => {
    const taken = await takeSubmission(context, request);
    count(taken.kind === 'refused' ? 'refused' : 'done');
    return taken.reply;
  };
  await context.broker.serve(topics.anyRpcSubmit, streams.submissions.group, answer, stop);
};

type Count = (kind: Settlement['kind'] | 'refused' | 'overdue') => void;

const createCounter = (metrics: Metrics): Count => {
  const submissions = metrics.counter(
    'switchyard_submissions_total',
    'Submissions from the broker by what became of them: taken, again, dead, refused, overdue.',
    ['outcome'],
  );
  return (kind) => submissions.add(1, { outcome: kind === 'done' ? 'taken' : kind });
};

/** Tries until the database answers; what is held here is the pressure back on the broker. */
const takeOrHold = async (
  context: SubmissionsContext,
  carried: Carried,
  stop: AbortSignal,
): Promise<Taken> => {
  const untilMs = performance.now() + HOLD_MAX_MS;
  for (let tries = 1; ; tries += 1) {
    const taken = await takeSubmission(context, carried);
    const isOver = stop.aborted || performance.now() > untilMs;
    if (taken.kind !== 'refused' || !isOfAll(taken.problem) || isOver) return taken;
    await pause(waitMs(tries, HOLD_WAIT_MS), undefined, { signal: stop }).catch(() => undefined);
  }
};

/** Whether any other submission would be refused now too. */
const isOfAll = ({ code }: Problem): boolean =>
  ERRORS[code].retry && code !== 'endpoint.queue_full';

const settlementOf = (taken: Taken, attempt: number): Settlement => {
  if (taken.kind !== 'refused') return { kind: 'done', reply: taken.reply };
  const { problem, reply } = taken;
  const mayPass =
    ERRORS[problem.code].retry || (problem.code === 'server.defect' && attempt < DEFECTS_MAX);
  if (mayPass) return { kind: 'again', afterMs: waitMs(attempt, AGAIN_MS) };
  return { kind: 'dead', reason: reasonOf(problem), reply };
};

/** The sentence without what was sent, which may be a secret in the wrong place. */
const reasonOf = ({ code, detail }: Problem): string =>
  `${code}: ${detail.replace(/; got .*$/s, '.')}`;

const waitMs = (tries: number, { first, longest }: { first: number; longest: number }): number =>
  Math.min(first * 2 ** Math.min(tries - 1, 16), longest) * (0.75 + Math.random() / 2);
