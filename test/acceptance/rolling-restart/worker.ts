/** A worker of our library that notes each start of a job, and streams where it is asked to. */
import { openSync, writeSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { start } from '@switchyard/worker';

const [journalPath = ''] = process.argv.slice(2);
const journal = openSync(journalPath, 'a');

type Wanted = { readonly ms?: number; readonly count?: number; readonly everyMs?: number };

start({
  handler: async function* (job, { signal }) {
    writeSync(journal, `${job.id}\n`);
    const { ms = 0, count = 0, everyMs = 0 }: Wanted = Object(job.input);
    for (let chunk = 0; chunk < count; chunk += 1) {
      yield { chunk };
      await pause(everyMs, undefined, { signal });
    }
    await pause(ms, undefined, { signal });
    return 'slept';
  },
});
