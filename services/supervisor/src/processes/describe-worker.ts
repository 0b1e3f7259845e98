/** What a worker process is started with. Pure. */
import { createHash } from 'node:crypto';
import path from 'node:path';
import {
  type Endpoint,
  type EndpointId,
  parseEndpointId,
  type WorkerId,
  type WorkerTemplate,
} from '@switchyard/contracts';

const KILL_AFTER_MS = 5_000;
const PING_EVERY_MS = 10_000;

export type WorkerPlan = {
  readonly endpointId: EndpointId;
  readonly minimum: number;
  readonly concurrency: number;
  readonly template: WorkerTemplate;
  /** Differs where a running process would have to be replaced. */
  readonly shape: string;
};

/** Differs where `template` or `concurrency` do; a hash, since the template may hold secrets. */
const shapeOf = (template: WorkerTemplate, concurrency: number): string =>
  createHash('sha256')
    .update(JSON.stringify([template, concurrency]))
    .digest('hex')
    .slice(0, 16);

export const killAfterMsOf = (template: WorkerTemplate): number =>
  template.killAfterMs ?? KILL_AFTER_MS;

/** Where the worker runs: relative to the folder of the configuration file. */
export const workingFolderOf = (template: WorkerTemplate, configDir: string): string =>
  path.resolve(configDir, template.cwd ?? '.');

/**
 * The variables of RunPod's worker protocol, as the package runpod 1.12 reads them, and ours. They
 * win over the template's, but for the start-up checks that a template may want.
 */
export const environmentOfWorker = (
  plan: WorkerPlan,
  worker: { readonly workerId: WorkerId; readonly token: string; readonly gatewayUrl: string },
): Record<string, string> => {
  const base = `${worker.gatewayUrl.replace(/\/+$/, '')}/v2/${plan.endpointId}`;
  return {
    // They ask servers of the internet, and end the worker when those do not answer.
    RUNPOD_SKIP_AUTO_SYSTEM_CHECKS: 'true',
    ...plan.template.env,
    RUNPOD_WEBHOOK_GET_JOB: `${base}/job-take/$ID?gpu=none`,
    RUNPOD_WEBHOOK_POST_OUTPUT: `${base}/job-done/$RUNPOD_POD_ID/$ID?gpu=none`,
    RUNPOD_WEBHOOK_POST_STREAM: `${base}/job-stream/$RUNPOD_POD_ID/$ID?gpu=none`,
    RUNPOD_WEBHOOK_PING: `${base}/ping/$RUNPOD_POD_ID`,
    RUNPOD_AI_API_KEY: worker.token,
    RUNPOD_POD_ID: worker.workerId,
    RUNPOD_ENDPOINT_ID: plan.endpointId,
    RUNPOD_PING_INTERVAL: String(PING_EVERY_MS),
    SWITCHYARD_WORKER_CONCURRENCY: String(plan.concurrency),
  };
};

/** What the endpoints want of this machine; those whose template is not here want nothing. */
export const planWorkers = (
  endpoints: readonly Endpoint[],
  templates: Readonly<Record<string, WorkerTemplate>>,
): ReadonlyMap<EndpointId, WorkerPlan> => {
  const plans = new Map<EndpointId, WorkerPlan>();
  for (const { id, worker } of endpoints) {
    const endpointId = parseEndpointId(id);
    if (worker === null || endpointId === undefined) continue;
    if (!Object.hasOwn(templates, worker.template)) continue;
    const template = templates[worker.template];
    if (template === undefined) continue;
    const { minimum, concurrency } = worker;
    const shape = shapeOf(template, concurrency);
    plans.set(endpointId, { endpointId, minimum, concurrency, template, shape });
  }
  return plans;
};
