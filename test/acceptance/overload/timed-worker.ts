/** A worker of our library that works for a while, then notes the job and when it was done. */
import { openSync, writeSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { start } from '@switchyard/worker';

const [journalPath = '', workMs = '0'] = process.argv.slice(2);
const journal = openSync(journalPath, 'a');

start({
  handler: async (job) => {
    if (Number(workMs) > 0) await pause(Number(workMs));
    writeSync(journal, `${job.id} ${Date.now()}\n`);
    return {};
  },
});
