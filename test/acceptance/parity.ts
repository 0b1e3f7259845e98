/**
 * Submits the same cases over HTTP, NATS and RabbitMQ, and prints how each ended by each way.
 *
 * Each broker has two ways: published durably with an answer asked for, and asked and waited for.
 */
import { startNats } from '../support/nats.ts';
import { startRabbit } from '../support/rabbitmq.ts';
import { CASES } from './parity/cases.ts';
import { runCases, type Verdict } from './parity/run-cases.ts';
import { startChecks } from './support/checks.ts';

const NAME_WIDTH = 30;

const checks = startChecks();

const printTable = (verdicts: readonly Verdict[]): void => {
  const ways = [...new Set(verdicts.map(({ way }) => way))];
  console.log(`     ${'case'.padEnd(NAME_WIDTH)}${ways.join('  ')}`);
  for (const name of Object.keys(CASES)) {
    const cells = ways.map((way) => {
      const verdict = verdicts.find((one) => one.way === way && one.name === name);
      const word = verdict === undefined ? 'none' : verdict.fault === undefined ? 'ok' : 'FAIL';
      return word.padEnd(way.length);
    });
    console.log(`     ${name.padEnd(NAME_WIDTH)}${cells.join('  ')}`);
  }
};

const judge = async (broker: string, brokerUrl: string): Promise<void> => {
  const verdicts = await runCases(broker, brokerUrl);
  printTable(verdicts);
  for (const way of new Set(verdicts.map((one) => one.way))) {
    const ofWay = verdicts.filter((one) => one.way === way);
    const cells = ofWay.map(({ name, fault }) => ({ name, fault }));
    checks.table(`cases over ${way}, beside ${broker}`, cells);
  }
};

{
  await using nats = await startNats();
  await judge('NATS', nats.url);
}
{
  await using rabbit = await startRabbit();
  await judge('RabbitMQ', rabbit.url);
}
checks.end();
