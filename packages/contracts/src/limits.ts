/** Bounds that more than one part holds to; those of single fields stand in their schemas. */

/** Largest body of `/run`, in bytes. */
export const RUN_BODY_MAX_BYTES = 10_485_760;
/** Largest body of `/runsync`, in bytes. */
export const RUNSYNC_BODY_MAX_BYTES = 20_971_520;
/** Largest chunk that a worker may stream, in bytes. */
export const CHUNK_MAX_BYTES = 1_048_576;
/** Largest progress that is shown of a running job, in bytes. */
export const PROGRESS_MAX_BYTES = 65_536;
/** Largest result that a worker may post, in bytes. */
export const RESULT_MAX_BYTES = 20_971_520;
/** Inputs up to this size, in bytes, travel inside the assign; its taker reads larger ones. */
export const INPUT_INLINE_MAX_BYTES = 65_536;
/** Largest s3Config, in bytes of JSON: it travels inside the assign, whatever its size. */
export const S3_CONFIG_MAX_BYTES = 65_536;
/** How long a worker's poll is held, in ms. RunPod's worker hangs up after 90 s. */
export const POLL_HOLD_MS = 25_000;
/** How long runsync and status-sync wait, in ms. */
export const WAIT_MS = {
  minimum: 1_000,
  maximum: 300_000,
  default: 90_000,
} as const;
/** How long `/stream` waits for a first chunk, in ms. */
export const STREAM_WAIT_MS = 5_000;
/** How long an Idempotency-Key is remembered, in ms. */
export const IDEMPOTENCY_MS = 86_400_000;
/** How many levels a job's input may nest. */
export const NESTING_MAX_LEVELS = 128;
