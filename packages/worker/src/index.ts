export type { Context, Handler, Job } from './handler.ts';
export type { Log } from './log.ts';
export { OutputError, rawJson } from './output.ts';
export { S3Error, s3 } from './s3.ts';
export { start, type WorkerHandle, type WorkerOptions } from './start.ts';
