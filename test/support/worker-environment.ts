export type WorkerIdentity = {
  /** Of the gateway, up to and with the endpoint: `http://127.0.0.1:8081/v2/echo`. */
  readonly base: string;
  readonly endpoint: string;
  readonly token: string;
  readonly workerId: string;
};

/** What a worker process is told by its environment, as a supervised one is. */
export const workerEnvironment = (worker: WorkerIdentity): Record<string, string> => ({
  PATH: process.env.PATH ?? '',
  RUNPOD_WEBHOOK_GET_JOB: `${worker.base}/job-take/$ID?gpu=none`,
  RUNPOD_WEBHOOK_POST_OUTPUT: `${worker.base}/job-done/$RUNPOD_POD_ID/$ID?gpu=none`,
  RUNPOD_WEBHOOK_POST_STREAM: `${worker.base}/job-stream/$RUNPOD_POD_ID/$ID?gpu=none`,
  RUNPOD_WEBHOOK_PING: `${worker.base}/ping/$RUNPOD_POD_ID`,
  RUNPOD_AI_API_KEY: worker.token,
  RUNPOD_POD_ID: worker.workerId,
  RUNPOD_ENDPOINT_ID: worker.endpoint,
});
