/** A worker of our library that kills itself on each job, and notes each start and each kill. */
import { appendFileSync } from 'node:fs';
import { start } from '@switchyard/worker';

const [journalPath = ''] = process.argv.slice(2);
const note = (what: 'started' | 'killed', job = ''): void =>
  appendFileSync(journalPath, `${JSON.stringify({ what, at: Date.now(), job })}\n`);

note('started');
start({
  handler: (job) => {
    note('killed', job.id);
    process.kill(process.pid, 'SIGKILL');
    return null;
  },
});
