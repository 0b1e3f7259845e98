/** A worker that the supervisor starts: it notes each start of its process, and echoes. */
import { appendFileSync } from 'node:fs';
import { start } from '@switchyard/worker';

const [journalPath = ''] = process.argv.slice(2);
appendFileSync(journalPath, `${process.pid}\n`);
start({ handler: (job) => job.input });
