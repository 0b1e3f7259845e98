import {
  type AuditPage,
  AuditPageSchema,
  type JobDetail,
  JobDetailSchema,
  type JobsPage,
  JobsPageSchema,
  type Priority,
  type State,
  type SupervisorInfo,
  SupervisorInfoSchema,
  validator,
  type WorkerInfo,
  WorkerInfoSchema,
} from '@switchyard/contracts';
import { readAnswer, readList } from './answers.ts';
import type { Send } from './send.ts';

type Options = { readonly signal?: AbortSignal };

export type JobsQuery = {
  readonly endpoint?: string;
  readonly status?: State;
  readonly worker?: string;
  readonly priority?: Priority;
  /** Made then or later: ISO 8601, in UTC where it names no zone, or ms since 1970. */
  readonly from?: string | number;
  /** Made before then. */
  readonly to?: string | number;
  readonly cursor?: string;
  readonly limit?: number;
};

export type JobsCalls = {
  /**
   * A page of jobs over endpoints, newest first, without payloads. A page may hold fewer jobs than
   * `limit`, even none, and still have a cursor to go on from.
   */
  search(query?: JobsQuery, options?: Options): Promise<JobsPage>;
  /** A job with its history, in whichever endpoint that the key may use. */
  read(id: string, query?: { readonly endpoint?: string }, options?: Options): Promise<JobDetail>;
};

export type OperationCalls = {
  readonly jobs: JobsCalls;
  readonly workers: {
    /** The workers of the last hour and the jobs that they run. */
    list(query?: { readonly endpoint?: string }, options?: Options): Promise<WorkerInfo[]>;
  };
  readonly supervisors: {
    /** The supervisors of the last hour. */
    list(options?: Options): Promise<SupervisorInfo[]>;
  };
  readonly audit: {
    /** A page of who changed endpoints and keys, newest first. */
    list(
      query?: { readonly cursor?: string; readonly limit?: number },
      options?: Options,
    ): Promise<AuditPage>;
  };
};

const checkPage = validator(JobsPageSchema);
const checkJob = validator(JobDetailSchema);
const checkWorker = validator(WorkerInfoSchema);
const checkSupervisor = validator(SupervisorInfoSchema);
const checkAudit = validator(AuditPageSchema);

/** The calls of `/v1` that look at jobs, workers and changes over endpoints. */
export const operationCalls = (send: Send): OperationCalls => {
  const get = (
    path: readonly string[],
    query: Readonly<Record<string, string | number | undefined>>,
    { signal }: Options,
  ) => send({ method: 'GET', path: ['v1', ...path], query, repeatable: true, signal });
  return {
    jobs: {
      search: async (query = {}, options = {}) =>
        readAnswer(await get(['jobs'], query, options), checkPage),
      read: async (id, query = {}, options = {}) =>
        readAnswer(await get(['jobs', id], query, options), checkJob),
    },
    workers: {
      list: async (query = {}, options = {}) =>
        readList(await get(['workers'], query, options), 'workers', checkWorker),
    },
    supervisors: {
      list: async (options = {}) =>
        readList(await get(['supervisors'], {}, options), 'supervisors', checkSupervisor),
    },
    audit: {
      list: async (query = {}, options = {}) =>
        readAnswer(await get(['audit'], query, options), checkAudit),
    },
  };
};
