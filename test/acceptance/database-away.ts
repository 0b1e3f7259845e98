/**
 * Takes Postgres away for 60 s while 50 workers of RunPod's protocol finish: no result is lost.
 *
 * They post as RunPod's package does, three times within five seconds. By their own journals no
 * result is given up and no job runs again; none asks more than once a second meanwhile; the first
 * result is committed within 5 s of the return. Workers that stream, that end jobs every few ms and
 * that wait for work are there as well.
 */
import { runAway } from './database-away/run-away.ts';
import { startChecks } from './support/checks.ts';

const checks = startChecks();
await runAway(checks);
checks.end();
