import type { EndpointId, WorkerId } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';

const STATEMENT = statement({
  name: 'forget_worker',
  text: 'delete from workers where endpoint_id = $1 and worker_id = $2',
});

/** Forgets a worker that is known to have ended. */
export const forgetWorker = async (
  store: Store,
  endpointId: EndpointId,
  workerId: WorkerId,
): Promise<void> => {
  await store.run(STATEMENT, [endpointId, workerId]);
};
