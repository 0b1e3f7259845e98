/**
 * Offers ten times what workers can do, then more than intake can take: no worker waits for a job.
 *
 * Four services on a Postgres and a NATS of their own; a worker of 8 slots whose jobs take 20 ms, a
 * queue of 10,000. First 4,000 requests a second come in an open loop. Then generator and system
 * are held to a core each, and the generator sends as much as it gets answered. Each time, for five
 * minutes, the workers complete at least 90 % of what they do when jobs are only kept waiting for
 * them (measured before and after, by their own journal), every refusal is a 429 with Retry-After
 * (or a 503, when intake itself is overloaded), half of them within 100 ms and 99 % within 500 ms,
 * no acknowledged job is lost, the queue keeps its limit and memory its bounds.
 *
 * Back to normal means: for two seconds on end, whoever gives the endpoint a job has it accepted,
 * and whoever runs one on another endpoint has its result, with medians at most twice those before
 * (and 10 ms more). What waits in the queue by then takes its time, which is no part of it.
 *
 * OVERLOAD_SECONDS=20 shortens each overload; `-- queue` or `-- intake` runs one of the two.
 */
import { judgeMemory } from './overload/judge-memory.ts';
import { judgeAnswers, judgeJobs, judgeRate } from './overload/judge-part.ts';
import { judgeRecovery } from './overload/judge-recovery.ts';
import { CAPACITY_PER_SECOND } from './overload/open-overload.ts';
import { runPart } from './overload/run-part.ts';
import { startChecks } from './support/checks.ts';

const TIMES = 10;
const PARTS = {
  queue: {
    pace: { kind: 'perSecond', requests: TIMES * CAPACITY_PER_SECOND },
    isHeldApart: false,
    allowed: ['200', '429'],
  },
  intake: { pace: { kind: 'most' }, isHeldApart: true, allowed: ['200', '429', '503'] },
} as const;

const overloadMs = Number(process.env.OVERLOAD_SECONDS ?? 300) * 1_000;
const asked = process.argv.slice(2);
const checks = startChecks();
for (const [name, { pace, isHeldApart, allowed }] of Object.entries(PARTS)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  console.log(`--- ${name} overloaded`);
  const measured = await runPart({ pace, overloadMs, isHeldApart });
  judgeRate(checks, measured, pace);
  judgeAnswers(checks, measured, allowed);
  judgeJobs(checks, measured);
  judgeRecovery(checks, measured);
  judgeMemory(checks, measured);
}
checks.end();
