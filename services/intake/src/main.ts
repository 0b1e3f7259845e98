import type http from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { Broker } from '@switchyard/broker';
import type { InstanceId } from '@switchyard/contracts';
import {
  type Health,
  type Log,
  listenOn,
  type Metrics,
  makeDoorUrl,
  type Sealer,
  type Service,
  type TargetGuard,
} from '@switchyard/runtime';
import type { KeyRing, Store } from '@switchyard/store';
import { createAcceptor } from './accept-jobs.ts';
import { listenForHints } from './consumers/hints.ts';
import { takeSubmissions } from './consumers/submissions.ts';
import { createWaitingExplainer } from './explain-waiting.ts';
import { createRepeatFinder } from './find-repeats.ts';
import { createQueueGuard } from './guard-queue.ts';
import { createStartGuard } from './guard-start.ts';
import { guardStore } from './guard-store.ts';
import { createProblemTeller } from './http/problems.ts';
import { allRoutes } from './http/routes.ts';
import { closeServer, createServer } from './http/server.ts';
import { createStatusReader } from './read-status.ts';
import { createProgressMemory } from './remember-progress.ts';
import { createEndpointCache } from './resolve-endpoint.ts';
import { createBulkSubmitter } from './submit-bulk.ts';
import { createChanges } from './tell-changes.ts';
import { createWaiters } from './wait-for-result.ts';

export type IntakeContext = {
  readonly store: Store;
  readonly broker: Broker;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly health: Health;
  readonly keyRing: KeyRing;
  readonly sealer: Sealer;
  readonly targetGuard: TargetGuard;
  readonly instance: InstanceId;
  readonly listen: { readonly host: string; readonly port: number };
  /** How long a stop waits for requests under way, in ms. */
  readonly drainMs: number;
  /** Called with the server before it listens. */
  readonly serving?: (server: http.Server) => void;
  /** Called with the URL once it listens, before `start` resolves. */
  readonly opened?: (url: string) => void;
};

/** The intake: the door of clients, operators and producers. */
export const createIntake = (given: IntakeContext): Service => {
  const context = { ...given, store: guardStore(given.store) };
  const stop = new AbortController();
  const changes = createChanges(context.broker);
  const acceptor = createAcceptor({ ...context, changes });
  const waiters = createWaiters(context);
  const parts = {
    ...context,
    changes,
    acceptor,
    waiters,
    progress: createProgressMemory(),
    endpoints: createEndpointCache(context.store),
    statuses: createStatusReader(context.store),
    explainer: createWaitingExplainer(context.store),
    queueGuard: createQueueGuard(context.store),
    repeats: createRepeatFinder(context.store),
    startGuard: createStartGuard(context.store),
    tell: createProblemTeller(context),
    isStopping: () => stop.signal.aborted,
  };
  const bulk = createBulkSubmitter({ ...parts, stopping: stop.signal });
  const app = createServer(parts, allRoutes({ ...parts, bulk }));
  let submissions: Promise<void> | undefined;
  let started: Promise<void> | undefined;
  let stopped: Promise<void> | undefined;

  const open = async (): Promise<void> => {
    context.health.register('intake', () => ({ ok: !parts.isStopping() }));
    await app.ready();
    context.serving?.(app.server);
    await listenForHints(parts, stop.signal);
    const { host } = context.listen;
    const port = await listenOn(app.server, host, context.listen.port);
    submissions = takeSubmissions(parts, stop.signal);
    context.opened?.(makeDoorUrl(host, port));
  };

  const drain = async (): Promise<void> => {
    stop.abort();
    waiters.stop();
    // A door that is still opening could not be closed; why it failed to is told by `start`.
    await started?.catch(() => undefined);
    const ended = Promise.all([closeServer(app), submissions]);
    await Promise.race([ended, pause(context.drainMs, undefined, { ref: false })]);
    app.server.closeAllConnections();
    await acceptor.idle();
  };

  return {
    name: 'intake',
    start: () => {
      started ??= open();
      return started;
    },
    stop: () => {
      stopped ??= drain();
      return stopped;
    },
  };
};
