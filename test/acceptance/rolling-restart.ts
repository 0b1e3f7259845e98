/**
 * Restarts each service in turn under load, one instance each: no client operation fails.
 *
 * On NATS, then on RabbitMQ, clients submit (with an Idempotency-Key), wait, ask, stream and cancel
 * while SIGTERM ends one service after the other, three rounds. What is refused or unanswered they
 * repeat after 1, 2 and 4 s. Each service must exit with 0 in time, and each acknowledged job end
 * once.
 */
import { chosenBrokers } from '../support/brokers.ts';
import { roll } from './rolling-restart/roll.ts';
import { startChecks } from './support/checks.ts';

const checks = startChecks();
for (const broker of chosenBrokers()) {
  console.log(`--- ${broker}`);
  await roll(checks, broker);
}
checks.end();
