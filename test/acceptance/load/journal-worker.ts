/** A worker of our library that notes each start of a job in a file of its own and echoes it. */
import { openSync, writeSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { rawJson, start } from '@switchyard/worker';

const [journalPath = '', workMs = '0'] = process.argv.slice(2);
const journal = openSync(journalPath, 'a');

start({
  handler: async (job) => {
    writeSync(journal, `${job.id}\n`);
    if (Number(workMs) > 0) await pause(Number(workMs));
    return rawJson(job.rawInput);
  },
});
