import type { EndpointId } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import { BEAT_STALE_MS } from './beat-supervisor.ts';

const STATEMENT = statement({
  name: 'read_crash_loop',
  text: `select last_error from crash_loops join supervisors using (instance)
  where endpoint_id = $1
    and last_beat_at > statement_timestamp() - ${BEAT_STALE_MS} * interval '1 ms'
  order by since desc limit 1`,
});

/**
 * The last error of workers that fail again and again, by the word of a supervisor that lives;
 * undefined where none does.
 */
export const readCrashLoop = async (
  store: Store,
  endpointId: EndpointId,
): Promise<string | undefined> =>
  (await store.run<{ last_error: string }>(STATEMENT, [endpointId]))[0]?.last_error;
