import { setTimeout as pause } from 'node:timers/promises';
import type { EndpointId } from '@switchyard/contracts';
import { type DeliveryRow, listDeliveries, type Store } from '@switchyard/store';

const LOOK_EVERY_MS = 25;

/** The tries of an endpoint's deliveries once `until` holds of them; the test's limit bounds it. */
export const awaitTries = async (
  store: Store,
  endpointId: EndpointId,
  until: (rows: readonly DeliveryRow[]) => boolean,
): Promise<DeliveryRow[]> => {
  for (;;) {
    const rows = await listDeliveries(store, endpointId, null, 1_000);
    if (until(rows)) return rows;
    await pause(LOOK_EVERY_MS);
  }
};

/** Whether there are deliveries, each of them closed. */
export const areClosed = (rows: readonly DeliveryRow[]): boolean =>
  rows.length > 0 && rows.every((row) => row.closed_at !== null);

/** Whether at least `count` tries are over. */
export const areOver =
  (count: number) =>
  (rows: readonly DeliveryRow[]): boolean =>
    rows.filter((row) => row.try_outcome !== null && row.try_outcome !== 'started').length >= count;
