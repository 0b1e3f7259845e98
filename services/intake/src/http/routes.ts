import { type BulkRoutesContext, bulkRoutes } from './bulk.ts';
import { type ChangeContext, changeRoutes } from './cancel-retry-purge.ts';
import { deliveryRoutes } from './deliveries.ts';
import { type EndpointsContext, endpointRoutes } from './endpoints.ts';
import { type HealthContext, healthRoutes } from './health.ts';
import { type JobsContext, jobRoutes } from './jobs.ts';
import { type KeysContext, keyRoutes } from './keys.ts';
import { describingRoutes } from './openapi.ts';
import { type OperationsContext, operationRoutes } from './operations.ts';
import { requestsRoutes } from './requests.ts';
import type { Route } from './route.ts';
import { type RunContext, runRoutes } from './run.ts';
import { type StatusContext, statusRoutes } from './status.ts';
import { type StreamContext, streamRoutes } from './stream.ts';

type RoutesContext = RunContext &
  BulkRoutesContext &
  StatusContext &
  StreamContext &
  ChangeContext &
  HealthContext &
  EndpointsContext &
  JobsContext &
  OperationsContext &
  KeysContext;

/** Every route of intake. */
export const allRoutes = (context: RoutesContext): Route[] => {
  const routes = [
    ...runRoutes(context),
    ...bulkRoutes(context),
    ...statusRoutes(context),
    ...streamRoutes(context),
    ...changeRoutes(context),
    ...requestsRoutes(context),
    ...healthRoutes(context),
    ...endpointRoutes(context),
    ...keyRoutes(context),
    ...deliveryRoutes(context),
    ...jobRoutes(context),
    ...operationRoutes(context),
  ];
  return [...routes, ...describingRoutes(routes)];
};
