/**
 * Stops the broker for 60 s under load: intake accepts, workers work, nothing is lost, all returns.
 *
 * On NATS and on RabbitMQ, a client posts 100 jobs a second; two workers of our library note each
 * start, and a consumer of events takes up again where it was. Prints rates and delays before,
 * while and after; all is as before within 10 s of the broker's return.
 */

import { BROKERS, runAway } from './broker-away/run-away.ts';
import { startChecks } from './support/checks.ts';

const checks = startChecks();
const asked = process.argv.slice(2);
for (const broker of BROKERS.filter(({ name }) => asked.length === 0 || asked.includes(name))) {
  console.log(`${broker.name}:`);
  await runAway(broker, checks);
}
checks.end();
