import { HealthSchema } from '@switchyard/contracts';
import type { Health, Metrics } from '@switchyard/runtime';
import { readHealth, type Store } from '@switchyard/store';
import { json, type Route } from './route.ts';

export type HealthContext = {
  readonly store: Store;
  readonly health: Health;
  readonly metrics: Metrics;
};

/** `/health` of an endpoint, and what machines ask of this process. */
export const healthRoutes = ({ store, health, metrics }: HealthContext): Route[] => [
  {
    method: 'GET',
    path: '/v2/:endpoint/health',
    summary: 'Counts of jobs and workers.',
    access: 'endpoint',
    scope: 'read',
    success: { status: 200, schema: HealthSchema },
    answer: async (call) => json(await readHealth(store, call.endpointId)),
  },
  {
    method: 'GET',
    path: '/healthz',
    summary: 'Whether this process is alive.',
    access: 'open',
    success: { status: 200 },
    answer: async () => json(health.live()),
  },
  {
    method: 'GET',
    path: '/readyz',
    summary: 'Whether this process can serve.',
    access: 'open',
    success: { status: 200 },
    answer: async () => {
      const ready = await health.readyz();
      return json(ready, ready.ok ? 200 : 503);
    },
  },
  {
    method: 'GET',
    path: '/metrics',
    summary: 'Metrics for Prometheus.',
    access: 'open',
    success: { status: 200, type: 'text/plain' },
    answer: () => metrics.render(),
  },
];
