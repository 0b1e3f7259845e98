import type { Broker } from '@switchyard/broker';
import type { Endpoint, EndpointId, InstanceId } from '@switchyard/contracts';
import type { Health, Log, Loop, Metrics, Sealer, Service } from '@switchyard/runtime';
import { type KeyRing, listEndpoints, type Store } from '@switchyard/store';
import type { FastifyInstance } from 'fastify';
import { listenForAssigns } from './consumers/assigns.ts';
import { listenForBeats } from './consumers/beats.ts';
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
import { startSupervisorLoops } from './loops/all.ts';
import type { ReconcileContext } from './loops/reconcile.ts';
import { createDemandSender } from './send-demand.ts';
import { createStopper } from './stop-jobs.ts';
import { createWorkerBook, type WorkerBook } from './track-workers.ts';

/** The worker processes of this machine, as the gateway needs them. */
export interface Processes {
  start(): Promise<void>;
  /** Ends them all; their jobs go back unspent where they did not finish in time. */
  stop(): Promise<void>;
  /** Looks whether each endpoint has the processes that it should have. */
  reconcile(): Promise<void>;
  /** Ends the process of a worker whose job ran out of time. A remote worker is left alone. */
  overrun(workerId: string): void;
  /** Puts a fresh process in the place of a worker that asked for it. */
  replace(workerId: string): void;
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
  const { store, broker, log, instance } = context;
  const stop = new AbortController();
  let endpoints: readonly Endpoint[] = [];
  let known = new Set<string>();
  const workers: WorkerBook = createWorkerBook(() => demand.changed());
  const demand = createDemandSender(broker, instance, () => workers);
  const finisher = createFinisher(context);
  const processes = context.startProcesses({ workers, endpoints: () => endpoints });
  const stopper = createStopper(workers, (workerId) => processes.overrun(workerId));
  const received: ReceivedClaims = new Map();
  const handing: HandOverContext = {
    ...context,
    workers,
    finisher,
    received,
    isStopped: stopper.isStopped,
  };
  const giving = {
    handOver: (endpointId: EndpointId, claims: readonly Claim[]) =>
      handOver(handing, endpointId, claims),
    handBack: (...[endpointId, claims]: [EndpointId, Parameters<typeof handBack>[2]]) =>
      handBack(handing, endpointId, claims),
  };
  const learnEndpoints = async (): Promise<void> => {
    endpoints = await listEndpoints(store);
    known = new Set(endpoints.map((endpoint) => endpoint.id));
    await processes.reconcile();
  };
  const gatewayContext = {
    ...context,
    workers,
    finisher,
    changed: demand.changed,
    hasEndpoint: (endpointId: EndpointId) => known.has(endpointId),
    replace: (workerId: string) => processes.replace(workerId),
  };
  const app = createGateway(gatewayContext);
  addRunpodRoutes(app, gatewayContext);
  addExchangeRoute(app, gatewayContext);
  let loops: Loop[] = [];

  return {
    name: 'supervisor',
    start: async () => {
      await learnEndpointsOnce();
      const hearAssign = demand.hearAssign;
      const { handOver: give } = giving;
      await listenForAssigns({ broker, log, instance, hearAssign, handOver: give }, stop.signal);
      await listenForStops({ broker, log, stopper }, stop.signal);
      await listenForBeats(broker, demand, stop.signal);
      await context.open(app);
      await processes.start();
      const reconcile: ReconcileContext = { store, broker, instance, workers, received, ...giving };
      loops = startSupervisorLoops({
        ...context,
        workers,
        stopper,
        demand,
        learnEndpoints,
        reconcile,
      });
    },
    stop: async () => {
      await processes.stop();
      for (const worker of workers.all()) workers.drain(worker.endpointId, worker.workerId);
      await finisher.idle();
      stop.abort();
      await Promise.all(loops.map((loop) => loop.stop()));
      await app.close();
    },
  };

  async function learnEndpointsOnce(): Promise<void> {
    endpoints = await listEndpoints(store);
    known = new Set(endpoints.map((endpoint) => endpoint.id));
  }
};
