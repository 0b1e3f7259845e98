/**
 * Kills each service, Postgres and the broker with -9 in turn under load: no accepted job is lost.
 *
 * On NATS, then on RabbitMQ. A client writes each acknowledged id to disk and repeats failed posts
 * with the same key; workers (two of our library, one of RunPod's protocol) and a webhook receiver
 * survive. After healing each acknowledged job must have one end, be COMPLETED unless its attempts
 * were spent, and be told.
 */
import { chosenBrokers } from '../support/brokers.ts';
import { killInTurn } from './kill-nine/kill-in-turn.ts';
import { startChecks } from './support/checks.ts';

const JOBS = Number(process.argv[2] ?? 20_000);
const PER_SECOND = 160;
/** As long as a restart may take. */
const RETRY_AFTER_MS = [1_000, 2_000, 4_000, 8_000, 8_000, 8_000] as const;
const RECOVERY_MAX_MS = 30_000;

const checks = startChecks();
for (const broker of chosenBrokers()) {
  console.log(`--- ${broker}`);
  const bounds = { retryAfterMs: RETRY_AFTER_MS, recoveryMaxMs: RECOVERY_MAX_MS };
  await killInTurn({ checks, broker, jobs: JOBS, perSecond: PER_SECOND, ...bounds });
}
checks.end();
