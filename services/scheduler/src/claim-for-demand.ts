import { setTimeout as pause } from 'node:timers/promises';
import type { Broker } from '@switchyard/broker';
import {
  type Assign,
  type AssignedJob,
  type EndpointId,
  encodeFrame,
  type InstanceId,
  topics,
} from '@switchyard/contracts';
import type { Log } from '@switchyard/runtime';
import {
  type ClaimedJob,
  claimJobs,
  findEarlier,
  type Store,
  StoreUnavailable,
} from '@switchyard/store';
import { createHeads, type Heads } from './remember-heads.ts';
import type { DemandBook } from './track-demand.ts';

/**
 * A claim offers twice as many seats as the last one filled, since each that it offers costs it
 * something. Larger claims than the largest were not faster.
 */
const CLAIM_SEATS = { least: 16, most: 500 } as const;
/**
 * Where so many jobs were claimed until the queue was dry, those of the next ms are claimed
 * together, behind a rest that is REST_PART times as long as the last claim. Where the machine
 * is full, claims are slow and each takes many jobs; where it is not, a job hardly waits. At an
 * easy pace fewer jobs meet a claim, and none waits for it.
 */
const BUSY_MIN_JOBS = 16;
const REST_PART = 3;
const REST_MAX_MS = 100;
/** An assign stays well below NATS's largest message of 1 MiB. */
const ASSIGN_MAX_BYTES = 512 * 1024;

/** In ms. */
const QUIET_MS = 1_000;

export type ClaimContext = {
  readonly store: Store;
  readonly broker: Pick<Broker, 'hint' | 'stats'>;
  readonly log: Log;
  readonly instance: InstanceId;
  readonly demand: DemandBook;
  /** Whether claims of this endpoint follow one another, to keep its limit of running jobs. */
  readonly isLimited: (endpointId: EndpointId) => boolean;
  /** From then on nothing more is claimed. */
  readonly stop: AbortSignal;
};

export interface Claimer {
  /** There is something to claim. */
  nudged(endpointId: EndpointId): void;
  /** There is a seat more. */
  seated(endpointId: EndpointId): void;
  /** Whether no claim began for QUIET_MS, so that it is worth a look whether one was missed. */
  isQuiet(endpointId: EndpointId): boolean;
  /** Forgets all endpoints but these. */
  keepOnly(endpointIds: ReadonlySet<EndpointId>): void;
  /** Resolves when no claim is in flight. */
  idle(): Promise<void>;
}

/** What is known of the claims of one endpoint. */
type Claims = {
  /** Those under way. */
  flight: Promise<void> | undefined;
  /** Whether something came up meanwhile. */
  again: boolean;
  /** Whether the queue was found empty, and nobody said since that it grew. */
  dry: boolean;
  /** How many seats the next one offers. */
  offered: number;
  /** When the last one began, on the monotonic clock. */
  beganAtMs: number;
};

/**
 * Matches queues with demand: one claim an endpoint in flight, the next right behind it while seats
 * are left. A queue that was found dry is looked at again only when somebody says that it grew.
 */
export const createClaimer = (context: ClaimContext): Claimer => {
  const heads = createHeads({
    findEarlier: async (endpointId, from) => {
      try {
        return await findEarlier(context.store, endpointId, from);
      } catch (error) {
        tellFailure(context.log, endpointId, error);
        throw error;
      }
    },
    due: (endpointId) => start(endpointId),
  });
  const endpoints = new Map<EndpointId, Claims>();

  const claimsOf = (endpointId: EndpointId): Claims => {
    const known = endpoints.get(endpointId);
    if (known !== undefined) return known;
    const none = { flight: undefined, again: false, dry: false, offered: CLAIM_SEATS.least };
    const beganAtMs = Number.NEGATIVE_INFINITY;
    const claims: Claims = { ...none, beganAtMs };
    endpoints.set(endpointId, claims);
    return claims;
  };

  const start = (endpointId: EndpointId): void => {
    if (context.stop.aborted) return;
    const claims = claimsOf(endpointId);
    if (claims.flight !== undefined) {
      claims.again = true;
      return;
    }
    claims.again = false;
    claims.flight = claimUntilDry({ ...context, heads }, endpointId, claims)
      .catch((error: unknown) => tellFailure(context.log, endpointId, error))
      .finally(() => {
        claims.flight = undefined;
        if (claims.again) start(endpointId);
      });
  };

  return {
    nudged: (endpointId) => {
      claimsOf(endpointId).dry = false;
      start(endpointId);
    },
    seated: (endpointId) => {
      if (!claimsOf(endpointId).dry) start(endpointId);
    },
    isQuiet: (endpointId) => {
      const { flight, beganAtMs } = claimsOf(endpointId);
      return flight === undefined && performance.now() - beganAtMs >= QUIET_MS;
    },
    keepOnly: (endpointIds) => {
      for (const [endpointId, { flight }] of endpoints) {
        if (flight === undefined && !endpointIds.has(endpointId)) endpoints.delete(endpointId);
      }
    },
    idle: async () => {
      const flights = () => [...endpoints.values()].flatMap(({ flight }) => flight ?? []);
      while (flights().length > 0) await Promise.all(flights());
    },
  };
};

type Claiming = ClaimContext & { readonly heads: Heads };

const claimUntilDry = async (
  context: Claiming,
  endpointId: EndpointId,
  claims: Claims,
): Promise<void> => {
  let taken = 0;
  // An assign would be lost, and its jobs would wait until their supervisor returned them.
  while (context.broker.stats().connected && !context.stop.aborted) {
    claims.again = false;
    const { claimed, left } = await claimOnce(context, endpointId, claims);
    if (left === 'no seat') return;
    taken += claimed;
    if (left === 'maybe more') continue;
    if (left === 'nothing') claims.dry = true;
    if (taken >= BUSY_MIN_JOBS) await rest(performance.now() - claims.beganAtMs);
    taken = 0;
    if (!claims.again) return;
  }
};

const rest = (tookMs: number): Promise<void> => pause(Math.min(REST_PART * tookMs, REST_MAX_MS));

/**
 * What a claim leaves: no seat to offer, perhaps more jobs, none that it may take now (as at the
 * endpoint's limit, or of a queue that was not looked at from its head), or none at all.
 */
type Left = 'no seat' | 'maybe more' | 'none for now' | 'nothing';

/** One claim and its assigns. */
const claimOnce = async (
  context: Claiming,
  endpointId: EndpointId,
  claims: Claims,
): Promise<{ claimed: number; left: Left }> => {
  const { store, demand, heads, instance } = context;
  const seats = demand.seatsOf(endpointId, claims.offered);
  if (seats.length === 0) return { claimed: 0, left: 'no seat' };
  const limited = context.isLimited(endpointId);
  const look = heads.look(endpointId);
  claims.beganAtMs = performance.now();
  const jobs = await claimJobs(store, endpointId, `${instance}/claim`, seats, limited, look.from);
  look.end(jobs);
  const next = Math.max(2 * jobs.length, CLAIM_SEATS.least);
  claims.offered = Math.min(next, CLAIM_SEATS.most);
  assign(context, endpointId, jobs);
  const claimed = jobs.length;
  if (claimed === seats.length) return { claimed, left: 'maybe more' };
  return { claimed, left: limited || look.from !== undefined ? 'none for now' : 'nothing' };
};

const assign = (
  context: ClaimContext,
  endpointId: EndpointId,
  claimed: readonly ClaimedJob[],
): void => {
  if (claimed.length === 0) return;
  context.broker.hint(topics.appended, new Uint8Array());
  for (const [instance, jobs] of Map.groupBy(claimed, (job) => job.instance)) {
    for (const parcel of parcels(jobs)) sendAssign(context, endpointId, instance, parcel);
  }
};

const sendAssign = (
  context: ClaimContext,
  endpointId: EndpointId,
  instance: InstanceId,
  claimed: readonly ClaimedJob[],
): void => {
  const bodies: Buffer[] = [];
  const jobs = claimed.map((job): AssignedJob => {
    const body = job.input && { body: bodies.push(job.input) - 1 };
    const secret = job.secret && { secret: bodies.push(job.secret) - 1 };
    return {
      job: job.jobId,
      worker: job.workerId,
      claimNo: job.claimNo,
      executionTimeoutMs: job.executionTimeoutMs,
      webhook: job.webhook,
      ...body,
      ...secret,
    };
  });
  const numbers = context.demand.book(
    endpointId,
    instance,
    claimed.map((job) => job.workerId),
  );
  const header: Assign = { scheduler: context.instance, ...numbers, endpoint: endpointId, jobs };
  context.broker.hint(topics.assign(instance), encodeFrame(header, bodies));
};

/** At most: a character may take six bytes in JSON. */
const sizeOf = (job: ClaimedJob): number =>
  512 + (job.input?.length ?? 0) + (job.secret?.length ?? 0) + 6 * (job.webhook?.length ?? 0);

const parcels = (jobs: readonly ClaimedJob[]): ClaimedJob[][] => {
  const made: ClaimedJob[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const job of jobs) {
    bytes += sizeOf(job);
    if (bytes > ASSIGN_MAX_BYTES) {
      made.push([]);
      bytes = sizeOf(job);
    }
    made.at(-1)?.push(job);
  }
  return made;
};

/** The next nudge or tick tries again: nothing was claimed, or the supervisor returns it. */
const tellFailure = (log: Log, endpointId: EndpointId, error: unknown): void => {
  if (error instanceof StoreUnavailable) log.debug({ err: error, endpointId }, 'claim put off');
  else log.error({ err: error, endpointId }, 'claim failed');
};
