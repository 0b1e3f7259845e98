import { type Endpoint, type Problem, refuse } from '@switchyard/contracts';
import { createBell } from './submit-bulk/bell.ts';
import { collectGroups, type GroupCollector } from './submit-bulk/collect-groups.ts';
import { answerProblemLine, type Group } from './submit-bulk/group.ts';
import { createLanes } from './submit-bulk/lanes.ts';
import { openSource, PACE_BYTES, PACE_MS } from './submit-bulk/source.ts';
import { storeGroup } from './submit-bulk/store-group.ts';
import type { SubmitContext } from './submit-job.ts';

export type BulkContext = SubmitContext & {
  readonly tell: (error: unknown, requestId: string) => Problem;
  /** Aborts when the service begins to stop. */
  readonly stopping: AbortSignal;
};

export type BulkSubmitted = {
  readonly endpoint: Endpoint;
  /** One submission on each line. */
  readonly body: AsyncIterable<Buffer>;
  /** The sender's Idempotency-Key, if it gave one. */
  readonly key: string | undefined;
  readonly requestId: string;
};

export interface BulkSubmitter {
  /**
   * Stores each line of a body as a job and gives the answers in the order of the lines, each after
   * its commit, while the body still comes. Of the body no more is read than the database keeps up
   * with. @throws Refusal `service.overloaded`, `request.invalid` for a key that is none.
   */
  submit(given: BulkSubmitted): AsyncGenerator<string, void>;
}

/** As of a single submission, but for the room that a space and the number of a line take. */
const BULK_KEY = /^[\x21-\x7e]{1,240}$/;
/** Requests at a time, each of which holds up to three groups of 4 MiB and a line of 10 MiB. */
const BULKS_MAX = 8;
/** Groups on their way to the database, of all requests; more would wait for each other there. */
const LANES = 3;
/** Groups of one request on their way: while the database is at one, the next is there. */
const FLIGHTS_MAX = 2;

/** Takes bodies of many submissions. */
export const createBulkSubmitter = (context: BulkContext): BulkSubmitter => {
  const lanes = createLanes('bulk', LANES);
  let open = 0;

  async function* submit(given: BulkSubmitted): AsyncGenerator<string, void> {
    // Counted here and not where it is asked for: what is never begun never ends.
    open += 1;
    try {
      const tell = (error: unknown) => context.tell(error, given.requestId);
      yield* storeLines({ ...context, lanes, tell }, given);
    } finally {
      open -= 1;
    }
  }

  return {
    submit: (given) => {
      const { key } = given;
      if (key !== undefined && !BULK_KEY.test(key)) {
        const detail =
          'The Idempotency-Key of a bulk must be 1 to 240 visible ASCII characters without spaces.';
        throw refuse('request.invalid', detail);
      }
      if (open >= BULKS_MAX) {
        const detail = `${BULKS_MAX} bulks are being read here already; try again in a moment.`;
        throw refuse('service.overloaded', detail, { retryAfterSeconds: 1 });
      }
      return submit(given);
    },
  };
};

type LinesContext = Parameters<typeof storeGroup>[0] & Pick<BulkContext, 'stopping'>;

async function* storeLines(
  context: LinesContext,
  { endpoint, body, key }: BulkSubmitted,
): AsyncGenerator<string, void> {
  const { stopping } = context;
  const { ring, heard } = createBell();
  const groups = collectGroups(context, endpoint, key);
  const source = openSource(body, stopping, ring);
  const flights = createFlights((group) => storeGroup(context, endpoint, group), ring);
  stopping.addEventListener('abort', ring);
  try {
    while (source.end() !== 'gone') {
      const isOver = source.end() !== undefined;
      flights.launch(groups, isOver);
      if (isOver && flights.areNone()) break;
      const landed = flights.land();
      if (landed !== undefined) {
        yield landed;
        continue;
      }
      // While a whole group waits nothing more is read, which holds the sender back.
      const came = groups.isFull() ? undefined : source.take();
      if (came === undefined) await heard();
      else groups.take(came);
    }
    const end = source.end();
    if (end === 'stopping') yield answerProblemLine(groups.lines() + 1, STOPPING, true);
    if (end === 'slow') yield answerProblemLine(groups.lines() + 1, SLOW, true);
  } finally {
    stopping.removeEventListener('abort', ring);
  }
}

type Flights = {
  /** Starts as many groups as may be under way. A partial one waits only behind another. */
  readonly launch: (groups: GroupCollector, isOver: boolean) => void;
  /** The answers of the oldest, once it has them. */
  readonly land: () => string | undefined;
  readonly areNone: () => boolean;
};

/** Stores groups, FLIGHTS_MAX at a time; `ring` is called whenever one has landed. */
const createFlights = (store: (group: Group) => Promise<string>, ring: () => void): Flights => {
  const flights: { answers: string | undefined }[] = [];

  const start = (group: Group): void => {
    const flight: (typeof flights)[number] = { answers: undefined };
    flights.push(flight);
    void store(group).then((answers) => {
      flight.answers = answers;
      ring();
    });
  };

  return {
    launch: (groups, isOver) => {
      while (flights.length < FLIGHTS_MAX) {
        const group = groups.next(isOver || flights.length === 0);
        if (group === undefined) return;
        start(group);
      }
    },
    land: () => (flights[0]?.answers === undefined ? undefined : flights.shift()?.answers),
    areNone: () => flights.length === 0,
  };
};

const STOPPING: Problem = {
  code: 'service.stopping',
  detail: 'This server is stopping; send this line and all behind it to another one.',
  retryAfterSeconds: 1,
};

const SLOW: Problem = {
  code: 'request.timeout',
  detail:
    `Neither the end of a line nor ${PACE_BYTES} bytes came within ${PACE_MS / 1_000} s; ` +
    'send this line and all behind it again.',
};
