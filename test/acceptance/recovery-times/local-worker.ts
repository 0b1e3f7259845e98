/** A worker of our library that notes each job and its own process, and ends only what was lost. */
import { appendFileSync, readFileSync } from 'node:fs';
import { start } from '@switchyard/worker';

const [journalPath = ''] = process.argv.slice(2);
appendFileSync(journalPath, '');

start({
  handler: (job) => {
    // Some worker died with it: now it may end.
    if (readFileSync(journalPath, 'utf8').includes(job.id)) return 'done';
    appendFileSync(journalPath, `${job.id} ${process.pid}\n`);
    return new Promise(() => undefined);
  },
});
