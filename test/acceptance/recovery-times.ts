/**
 * Shows how long jobs wait when a worker, an assign, a scheduler or all the broker's data is lost.
 *
 * On NATS and on RabbitMQ, with real processes killed by -9 and connections that swallow what is
 * sent; the lost workers, which no broker has a part in, on the first alone. Each figure stands
 * beside its bound. `-- nats` or `-- rabbitmq` runs on one broker.
 */

import { BROKERS } from '../support/brokers.ts';
import { checkInvariants } from '../support/invariants.ts';
import { killSchedulers } from './recovery-times/kill-schedulers.ts';
import { loseAssigns } from './recovery-times/lose-assigns.ts';
import { killLocalWorkers, loseRemoteWorkers } from './recovery-times/lose-workers.ts';
import { openRecovery } from './recovery-times/open-recovery.ts';
import { wipeBroker } from './recovery-times/wipe-broker.ts';
import { startChecks } from './support/checks.ts';

const checks = startChecks();
const asked = process.argv.slice(2);
const brokers = BROKERS.filter((name) => asked.length === 0 || asked.includes(name));
for (const broker of brokers) {
  console.log(`${broker}:`);
  await using recovery = await openRecovery(broker, checks);
  if (broker === brokers[0]) {
    await Promise.all([killLocalWorkers(recovery), loseRemoteWorkers(recovery)]);
  }
  await loseAssigns(recovery);
  await killSchedulers(recovery);
  await wipeBroker(recovery);
  const faulty = await checkInvariants(recovery.databaseUrl);
  checks.check(faulty.length === 0, 'invariants of the database broken', faulty.length, 0);
  for (const sentence of faulty) console.log(`       ${sentence.slice(0, 500)}`);
}
checks.end();
