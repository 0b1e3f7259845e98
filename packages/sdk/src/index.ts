export { bytesOf } from './answers.ts';
export type { BulkOptions } from './bulk.ts';
export * from './client.ts';
export type { Delivery, DeliveryTry } from './deliveries.ts';
export * from './errors.ts';
export type { JobsQuery } from './operations.ts';
export type { Retry } from './send.ts';
export type { StreamChunk, StreamEnd } from './stream.ts';
export type { Submission } from './submission.ts';
