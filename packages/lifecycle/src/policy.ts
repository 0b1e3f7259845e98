import {
  type EndpointSettings,
  type Policy,
  type Priority,
  type ResolvedSettings,
  refuse,
  startAfterMs,
} from '@switchyard/contracts';

/** What holds for one job, every default filled in. */
export type JobPolicy = {
  readonly executionTimeoutMs: number;
  readonly ttlMs: number;
  readonly priority: Priority;
  /** In ms since 1970; null for at once. One that has passed means at once too. */
  readonly startAtMs: number | null;
};

/** A job's own value wins over the endpoint's default. Bounds were checked by `contracts`. */
export const resolvePolicy = (
  policy: Policy,
  defaults: ResolvedSettings['defaults'],
): JobPolicy => ({
  executionTimeoutMs: policy.executionTimeout ?? defaults.executionTimeoutMs,
  ttlMs: policy.ttl ?? defaults.ttlMs,
  priority: policy.lowPriority === true ? 'low' : 'high',
  startAtMs: policy.startAfter === undefined ? null : (startAfterMs(policy.startAfter) ?? null),
});

/** RunPod's defaults where it has them; ours beside. */
const ENDPOINT_DEFAULTS = {
  worker: { concurrency: 1, minimum: 0, maximum: 3, idleTimeoutMs: 5_000 },
  scaling: { rule: 'QUEUE_DELAY', value: 4 },
  defaults: { executionTimeoutMs: 600_000, ttlMs: 86_400_000 },
  limits: { maxQueued: 1_000_000, maxConcurrent: null, maxAttempts: 3 },
  escalateAfterMs: 3_600_000,
  retentionMs: 86_400_000,
} as const;

/**
 * The settings of an endpoint: `base` (the defaults, or what holds so far) with `change` over it,
 * group by group and field by field. `worker: null` means that only remote workers serve it.
 * @throws Refusal `request.invalid` for a worker that has a template from neither.
 */
export const resolveSettings = (
  id: string,
  change: EndpointSettings,
  base?: ResolvedSettings,
): ResolvedSettings => {
  const from = base ?? { name: id, ...ENDPOINT_DEFAULTS, worker: null };
  return {
    name: change.name ?? from.name,
    worker: change.worker === undefined ? from.worker : resolveWorker(change.worker, from.worker),
    scaling: { ...from.scaling, ...change.scaling },
    defaults: { ...from.defaults, ...change.defaults },
    limits: { ...from.limits, ...change.limits },
    escalateAfterMs: change.escalateAfterMs ?? from.escalateAfterMs,
    retentionMs: change.retentionMs ?? from.retentionMs,
  };
};

const resolveWorker = (
  change: NonNullable<EndpointSettings['worker']> | null,
  from: ResolvedSettings['worker'],
): ResolvedSettings['worker'] => {
  if (change === null) return null;
  const template = change.template ?? from?.template;
  if (template === undefined) {
    const detail = 'worker.template must be named, as the endpoint has none so far.';
    throw refuse('request.invalid', detail);
  }
  const worker = { ...ENDPOINT_DEFAULTS.worker, ...from, ...change, template };
  return { ...worker, maximum: Math.max(worker.maximum, worker.minimum) };
};
