import { setTimeout as pause } from 'node:timers/promises';
import {
  DiscardPolicy,
  type JetStreamManager,
  millis,
  nanos,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from 'nats';
import type { StreamSpec } from '../broker.ts';
import { BrokerError } from '../broker-error.ts';
import { isMissing, toBrokerError } from './failure.ts';
import type { NatsLink } from './link.ts';

const TRY_AGAIN_MS = 250;
const CLUSTER_REPLICAS = 3;

export type NatsStreams = {
  readonly specs: readonly StreamSpec[];
  readonly manager: JetStreamManager;
  /** Makes what is missing; calls at the same time share one look. @throws BrokerError. */
  restore(): Promise<void>;
  /** Whether one server alone keeps that stream, as far as the last look told. */
  isAlone(name: string): boolean;
};

/**
 * Makes the streams of `specs` (in a cluster with three replicas), or finds that they are as
 * wanted. Limits that differ are set anew; replicas and the duplicate window are left as the
 * operator has them.
 * @throws BrokerError `broker.conflict` where a stream has other topics, storage or retention,
 * `broker.forbidden`, or `broker.unavailable` when JetStream has not answered by `timeoutMs`.
 */
export const openStreams = async (
  link: NatsLink,
  specs: readonly StreamSpec[],
  timeoutMs: number,
): Promise<NatsStreams> => {
  const manager = await link.nats.jetstreamManager({ checkAPI: false });
  const replicas = new Map<string, number>();
  let running: Promise<void> | undefined;
  const restore = (): Promise<void> => {
    running ??= restoreAll({ link, manager, replicas }, specs).finally(() => {
      running = undefined;
    });
    return running;
  };
  const until = performance.now() + timeoutMs;
  for (;;) {
    try {
      await restore();
      return { specs, manager, restore, isAlone: (name) => replicas.get(name) === 1 };
    } catch (error) {
      const passing = error instanceof BrokerError && error.retry;
      if (!passing || performance.now() >= until) throw error;
      await pause(TRY_AGAIN_MS);
    }
  }
};

type Known = {
  readonly link: NatsLink;
  readonly manager: JetStreamManager;
  /** By the name of the stream, which are known once it was found or made. */
  readonly replicas: Map<string, number>;
};

const restoreAll = async (
  { link, manager, replicas }: Known,
  specs: readonly StreamSpec[],
): Promise<void> => {
  for (const spec of specs) {
    try {
      const found = await findStream(manager, spec.name);
      if (found !== undefined) await adopt(link, manager, spec, found);
      const count = found?.num_replicas ?? (await make(link, manager, spec));
      replicas.set(spec.name, count);
    } catch (error) {
      throw toBrokerError(error, `looking after the stream ${spec.name} (is JetStream on?)`);
    }
  }
};

/** How a stream is, undefined where there is none. @throws the vendor's error. */
export const findStream = async (
  manager: JetStreamManager,
  name: string,
): Promise<StreamConfig | undefined> => {
  try {
    return (await manager.streams.info(name)).config;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
};

/** In a cluster it goes on while one of three nodes is away; alone a server has but one to give. */
const make = async (
  link: NatsLink,
  manager: JetStreamManager,
  spec: StreamSpec,
): Promise<number> => {
  const replicas = link.isClustered() ? CLUSTER_REPLICAS : 1;
  await manager.streams.add({ ...configOf(spec), num_replicas: replicas });
  return replicas;
};

const configOf = (spec: StreamSpec) => ({
  name: spec.name,
  subjects: [...spec.topics],
  storage: StorageType.File,
  retention: retentionOf(spec),
  duplicate_window: duplicateWindowOf(spec, spec.duplicateWindowMs),
  ...limitsOf(spec),
});

const retentionOf = (spec: StreamSpec): RetentionPolicy =>
  spec.keep === 'work' ? RetentionPolicy.Workqueue : RetentionPolicy.Limits;

/** In ns; the server refuses one that is longer than the messages are kept. */
const duplicateWindowOf = (spec: StreamSpec, windowMs: number): number =>
  nanos(spec.keep === 'log' ? Math.min(windowMs, spec.maxAgeMs) : windowMs);

const limitsOf = (spec: StreamSpec) => ({
  // A full log lets the oldest go: refusing would let old events block new ones.
  discard: spec.keep === 'work' ? DiscardPolicy.New : DiscardPolicy.Old,
  max_age: spec.keep === 'log' ? nanos(spec.maxAgeMs) : 0,
  max_bytes: spec.maxBytes ?? -1,
});

/** What of a stream cannot be set anew and is not as `spec` wants it, as a sentence. */
export const faultOf = (spec: StreamSpec, found: StreamConfig): string | undefined => {
  const differs = (what: string, is: string, wanted: string): string =>
    `The stream ${spec.name} exists with ${what} ${is}, but ${wanted} is needed.`;
  const topics = (list: readonly string[] = []) => [...list].sort().join(', ') || 'none';
  if (topics(found.subjects) !== topics(spec.topics)) {
    return differs('the topics', topics(found.subjects), topics(spec.topics));
  }
  if (found.storage !== StorageType.File) return differs('storage', found.storage, 'file');
  if (found.retention !== retentionOf(spec)) {
    return differs('retention', found.retention, retentionOf(spec));
  }
  return undefined;
};

const adopt = async (
  link: NatsLink,
  manager: JetStreamManager,
  spec: StreamSpec,
  found: StreamConfig,
): Promise<void> => {
  const fault = faultOf(spec, found);
  if (fault !== undefined) throw new BrokerError('broker.conflict', fault);
  const windowMs = millis(found.duplicate_window);
  const wanted = { ...limitsOf(spec), duplicate_window: duplicateWindowOf(spec, windowMs) };
  const same =
    found.discard === wanted.discard &&
    found.max_age === wanted.max_age &&
    found.max_bytes === wanted.max_bytes &&
    found.duplicate_window === wanted.duplicate_window;
  if (same) return;
  link.log.info({ stream: spec.name }, 'The limits of a stream are set anew.');
  await manager.streams.update(spec.name, { ...found, ...wanted });
};
