/** A process that hosts one worker with a grandchild, tells of it on standard output, and waits. */
import { createLocalHost } from './local-host.ts';
import { collectLog, specFor } from './process.fixture.ts';

const { log } = collectLog();
const host = createLocalHost({ log, dataDir: process.argv[2] ?? '' });
const spec = specFor(['sh', '-c', 'trap "" TERM; sleep 1000 & while :; do wait; done']);
host.start(spec);
process.stdout.write(`${JSON.stringify({ workerId: spec.workerId, pid: host.list()[0]?.pid })}\n`);
setInterval(() => undefined, 1_000);
