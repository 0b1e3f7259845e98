/**
 * Kills the gateway's HTTP process under load: no post is refused. Then its keeper, at a cost.
 *
 * Four workers of RunPod's protocol, two of them on a new connection for each call, never repeat a
 * post that was refused or cut; a client posts jobs all the while. What was refused, cut and run
 * again is counted from the workers' own journals; a probe connects 50 times a second besides.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { checkInvariants } from '../support/invariants.ts';
import { judgeChild, judgeEnds, judgeKeeper } from './gateway-killed/judge-kills.ts';
import { killChild, killKeeper } from './gateway-killed/kill-gateway.ts';
import { openGatewayLoad } from './gateway-killed/open-gateway-load.ts';
import { startChecks } from './support/checks.ts';

const CHILD_KILLED_FOR_MS = 40_000;
const KEEPER_KILLS = 3;
const WARM_MS = 3_000;

const checks = startChecks();
await using load = await openGatewayLoad();
await pause(WARM_MS);
const child = await load.phase(() => killChild(load, CHILD_KILLED_FOR_MS));
judgeChild(checks, load, child);
const keeper = await load.phase(() => killKeeper(load, KEEPER_KILLS));
judgeKeeper(checks, load, keeper);
await judgeEnds(checks, load, [child, keeper]);
const faulty = await checkInvariants(load.databaseUrl);
checks.check(faulty.length === 0, 'invariants of the database broken', faulty.length, 0);
for (const sentence of faulty) console.log(`       ${sentence.slice(0, 500)}`);
checks.end();
