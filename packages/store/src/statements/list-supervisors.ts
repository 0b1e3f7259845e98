import type { EndpointId, SupervisorInfo } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import { BEAT_STALE_MS } from './beat-supervisor.ts';

const STATEMENT = statement({
  name: 'list_supervisors',
  text: `select instance, host, pid, beating_since, last_beat_at,
  last_beat_at > statement_timestamp() - ${BEAT_STALE_MS} * interval '1 ms' as alive,
  count(workers.worker_id) as workers
from supervisors left join workers using (instance)
where $1::text[] is null or workers.endpoint_id = any ($1::text[])
group by instance order by alive desc, last_beat_at desc`,
});

type Row = {
  instance: string;
  host: string;
  pid: number;
  beating_since: Date;
  last_beat_at: Date;
  alive: boolean;
  workers: number;
};

/**
 * The supervisors of the last hour, those that beat first. With `endpoints` only those that heard
 * workers of these.
 */
export const listSupervisors = async (
  store: Store,
  endpoints: readonly EndpointId[] | null,
): Promise<SupervisorInfo[]> =>
  (await store.run<Row>(STATEMENT, [endpoints])).map((row) => ({
    instance: row.instance,
    host: row.host,
    pid: row.pid,
    alive: row.alive,
    workers: row.workers,
    beatingSince: row.beating_since.toISOString(),
    lastBeatAt: row.last_beat_at.toISOString(),
  }));
