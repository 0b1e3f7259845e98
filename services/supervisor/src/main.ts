import { setTimeout as pause } from 'node:timers/promises';
import type { Broker } from '@switchyard/broker';
import type { Endpoint, EndpointId, InstanceId } from '@switchyard/contracts';
import type { Health, Log, Metrics, Sealer, Service } from '@switchyard/runtime';
import {
  type CrashLoop,
  type KeyRing,
  type LostClaim,
  listEndpoints,
  type Store,
} from '@switchyard/store';
import type { FastifyInstance } from 'fastify';
import { listenForAssigns } from './consumers/assigns.ts';
import { listenForBeats } from './consumers/beats.ts';
import { listenForReconfigured } from './consumers/reconfigured.ts';
import { listenForStops } from './consumers/stops.ts';
import { createFinisher } from './finish-jobs.ts';
import {
  type Claim,
  type HandOverContext,
  handBack,
  handOver,
  type ReceivedClaims,
} from './hand-over-jobs.ts';
import { addExchangeRoute } from './http/exchange.ts';
import { createGateway } from './http/gateway.ts';
import { addRunpodRoutes } from './http/runpod.ts';
import { createEndpointList } from './list-endpoints.ts';
import { type SupervisorLoops, startSupervisorLoops } from './loops/all.ts';
import { createDemandSender } from './send-demand.ts';
import { createStopper } from './stop-jobs.ts';
import { createProgressTeller } from './tell-progress.ts';
import { createWorkerBook, type WorkerBook } from './track-workers.ts';

/** An assign comes within this time after the claim that was under way, in ms. */
const LAST_ASSIGNS_MS = 250;
/**
 * When a worker that was met is stored, in ms: its first requests tell its slots. Not later, or an
 * HTTP part that dies again and again would let workers count as lost that ask all the while.
 */
const FIRST_SIGN_MS = 100;

/** The worker processes of this machine, as the gateway needs them. */
export interface Processes {
  start(): Promise<void>;
  /** Ends them all; their jobs go back unspent where they did not finish in time. */
  stop(): Promise<void>;
  /** Whether the process of a worker is one of these; until its exit it counts as alive. */
  owns(workerId: string): boolean;
  /** Looks whether each endpoint has the processes that it should have. */
  reconcile(): Promise<void>;
  /** Ends the process of a worker whose job ran out of time. A remote worker is left alone. */
  overrun(workerId: string): void;
  /** Puts a fresh process in the place of a worker that asked for it. */
  replace(workerId: string): void;
  /** The endpoints whose workers fail again and again. */
  crashLoops(): readonly CrashLoop[];
}

export type SupervisorContext = {
  readonly store: Store;
  readonly broker: Broker;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly health: Health;
  readonly keyRing: KeyRing;
  readonly sealer: Sealer;
  readonly instance: InstanceId;
  /** Opens the gateway's door, by listening or by taking sockets from a keeper. */
  readonly open: (app: FastifyInstance) => Promise<void>;
  readonly startProcesses: (parts: {
    readonly workers: WorkerBook;
    readonly endpoints: () => readonly Endpoint[];
  }) => Processes;
};

/** The supervisor: the gateway that workers talk to, and the worker processes of this machine. */
export const createSupervisor = (context: SupervisorContext): Service => {
  const stop = new AbortController();
  let loops: SupervisorLoops | undefined;
  const parts = connect(context, () => {
    setTimeout(() => loops?.storeSigns.wake(), FIRST_SIGN_MS).unref();
  });
  const app = createGateway(parts.gateway);
  addRunpodRoutes(app, parts.gateway);
  addExchangeRoute(app, parts.gateway);

  return {
    name: 'supervisor',
    start: async () => {
      await parts.endpoints.learn();
      await listenForAssigns({ ...context, ...parts.giving, ...parts.demand }, stop.signal);
      await listenForStops({ ...context, stopper: parts.stopper }, stop.signal);
      await listenForBeats(context.broker, parts.demand, stop.signal);
      await context.open(app);
      await parts.processes.start();
      loops = startSupervisorLoops({
        ...context,
        ...parts,
        learnEndpoints: async () => {
          await parts.endpoints.learn();
          await parts.processes.reconcile();
        },
        reconcile: { ...context, ...parts, ...parts.giving },
      });
      const learn = loops.learnEndpoints.wake;
      await listenForReconfigured({ ...context, learn }, stop.signal);
    },
    stop: async () => {
      await parts.processes.stop();
      // The workers of this machine are gone; the others are not to leave, but to ask elsewhere.
      parts.workers.releaseAll();
      // At once: what is claimed for an instance that has gone waits long and costs an attempt.
      parts.demand.send();
      await parts.finisher.idle();
      // Claims that were under way meanwhile come still, find no room and go back unspent.
      await pause(LAST_ASSIGNS_MS);
      stop.abort();
      await loops?.stop();
      await app.close();
    },
  };
};

/** Makes the parts of a supervisor and tells each of those that it needs. */
const connect = (context: SupervisorContext, met: () => void) => {
  const { broker, instance } = context;
  const endpoints = createEndpointList(() => listEndpoints(context.store));
  const workers: WorkerBook = createWorkerBook(() => demand.changed(), met);
  const demand = createDemandSender(broker, instance, () => workers);
  const finisher = createFinisher(context);
  const processes = context.startProcesses({ workers, endpoints: endpoints.all });
  const stopper = createStopper(workers, (workerId) => processes.overrun(workerId));
  const received: ReceivedClaims = new Map();
  const handing: HandOverContext = { ...context, workers, finisher, received, stopper };
  const giving = {
    handOver: (endpointId: EndpointId, claims: readonly Claim[]) =>
      handOver(handing, endpointId, claims),
    handBack: (endpointId: EndpointId, claims: readonly LostClaim[]) =>
      handBack(handing, endpointId, claims),
  };
  const gateway = {
    ...context,
    workers,
    finisher,
    tellProgress: createProgressTeller(context),
    changed: demand.changed,
    hasEndpoint: endpoints.has,
    replace: (workerId: string) => processes.replace(workerId),
  };
  return { endpoints, workers, demand, finisher, processes, stopper, received, giving, gateway };
};
