/**
 * Kills a node of each broker's trio with -9 while 20,000 jobs run: all are done, none is lost.
 *
 * On three nodes of NATS, then of RabbitMQ, with the configuration and users of `infra/`. Half of
 * the jobs are posted, half published to the broker. The node dies that leads the stored
 * submissions or has the most clients; later it comes back. Prints the longest time without a
 * completed job.
 */
import { startNatsCluster } from '../support/nats-cluster.ts';
import { startRabbitCluster } from '../support/rabbitmq-cluster.ts';
import { runCluster } from './cluster/run-cluster.ts';
import { startChecks } from './support/checks.ts';

const TRIOS = { nats: startNatsCluster, rabbitmq: startRabbitCluster };

const checks = startChecks();
const asked = process.argv.slice(2);
for (const [name, open] of Object.entries(TRIOS)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  console.log(`${name}:`);
  await using trio = await open();
  await runCluster(trio, checks);
}
checks.end();
