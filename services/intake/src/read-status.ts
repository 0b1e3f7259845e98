import {
  type Endpoint,
  type EndpointId,
  type JobId,
  madeAtMs,
  refuse,
} from '@switchyard/contracts';
import { createKeyedBatcher } from '@switchyard/runtime';
import { type JobStatus, readStatuses, type Store, StoreUnavailable } from '@switchyard/store';

export interface StatusReader {
  /** The job as it stands; undefined when the endpoint has none of this id. */
  read(endpointId: EndpointId, jobId: JobId): Promise<JobStatus | undefined>;
  /** As `read`. @throws Refusal `job.not_found`, or `job.expired` when its time is over. */
  find(endpoint: Endpoint, jobId: JobId): Promise<JobStatus>;
}

const BATCH_MAX_JOBS = 50;
const LANES = 2;
const WAITING_MAX = 4_000;

/**
 * Status reads of one endpoint that come in together become one statement; those with a large
 * result are then read one after another, each handed on before the next.
 */
export const createStatusReader = (store: Store): StatusReader => {
  const reading = (maxItems: number, lanes: number) =>
    createKeyedBatcher<EndpointId, JobId, JobStatus | undefined>({
      run: async (endpointId, jobIds) => {
        const found = await readStatuses(store, endpointId, [...new Set(jobIds)]);
        return jobIds.map((jobId) => found.get(jobId));
      },
      maxItems,
      lanes,
      queueMax: WAITING_MAX,
      isPermanent: (error) => !(error instanceof StoreUnavailable),
    });
  const together = reading(BATCH_MAX_JOBS, LANES);
  const alone = reading(1, 1);
  const read = async (endpointId: EndpointId, jobId: JobId) => {
    const status = await together.add(endpointId, jobId);
    return status?.isCut === true ? alone.add(endpointId, jobId) : status;
  };
  return {
    read,
    find: async (endpoint, jobId) => {
      const status = await read(endpoint.id as EndpointId, jobId);
      if (status === undefined) throw jobMissing(endpoint, jobId);
      return status;
    },
  };
};

/**
 * A job that is not there: past the endpoint's retention by its own age, or never made. The id of
 * an expired one is told, as whoever repeats an idempotency key does not know it.
 */
export const jobMissing = (endpoint: Endpoint, jobId: JobId) => {
  if (Date.now() - madeAtMs(jobId) <= endpoint.retentionMs) return noSuchJob();
  const detail = 'The job is older than the endpoint keeps jobs, and is not there.';
  return refuse('job.expired', detail, { id: jobId });
};

/** The one answer to every id that names no job of the endpoint. */
export const noSuchJob = () => refuse('job.not_found', 'The endpoint has no job of this id.');
