/** Gives every job back as it came: the smallest handler there is. */
import { rawJson, start } from '@switchyard/worker';

start({ handler: (job) => rawJson(job.rawInput) });
