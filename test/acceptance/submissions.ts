/**
 * Takes 10,000 submissions published while intake was stopped once each, poison and copies aside.
 *
 * On each broker: 100 of them are poison of ten kinds, every tenth comes a second time after the
 * broker has forgotten its id, and intake is killed with -9 in the middle. All good ones must run
 * exactly once, the poison ones be dead letters with their reasons, and nothing else.
 */
import { startNats } from '../support/nats.ts';
import { startRabbit } from '../support/rabbitmq.ts';
import { runBacklog } from './submissions/run-backlog.ts';
import { startChecks } from './support/checks.ts';

const COUNT = Number(process.argv[2] ?? 10_000);

const checks = startChecks();
{
  console.log('NATS');
  await using nats = await startNats();
  await runBacklog(checks, { brokerUrl: nats.url, count: COUNT, fsync: true });
}
{
  console.log('RabbitMQ');
  await using rabbit = await startRabbit();
  await runBacklog(checks, { brokerUrl: rabbit.url, count: COUNT, fsync: true });
}
checks.end();
