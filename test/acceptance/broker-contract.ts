/** Runs the contract and the outages of the broker port on memory, NATS and RabbitMQ: all green. */
import path from 'node:path';
import { run } from 'node:test';
import { startChecks } from './support/checks.ts';

const SOURCES = path.join(import.meta.dirname, '../../packages/broker/src');
const CONTRACT = { memory: 'memory.test.ts', NATS: 'nats.test.ts', RabbitMQ: 'amqp.test.ts' };
const OUTAGES = { NATS: 'nats/outages.test.ts', RabbitMQ: 'amqp/outages.test.ts' };
const FILE_MS = 900_000;
const TEST_MS = 120_000;

type Outcome = { readonly passed: ReadonlySet<string>; readonly failed: readonly string[] };

/** The tests of the suites whose name fits, and how they ended. */
const runFile = async (file: string, suite: RegExp): Promise<Outcome> => {
  const passed = new Set<string>();
  const failed: string[] = [];
  const events = run({
    files: [path.join(SOURCES, file)],
    concurrency: 1,
    timeout: FILE_MS,
    execArgv: [`--test-timeout=${TEST_MS}`],
    testNamePatterns: [suite],
  });
  events.on('test:pass', ({ name, nesting }) => {
    if (nesting === 1) passed.add(name);
  });
  events.on('test:fail', ({ name }) => failed.push(name));
  for await (const _event of events);
  return { passed, failed };
};

const checks = startChecks();
const compare = async (
  what: string,
  files: Readonly<Record<string, string>>,
  suite: RegExp,
): Promise<void> => {
  const outcomes = new Map<string, Outcome>();
  for (const [adapter, file] of Object.entries(files)) {
    const outcome = await runFile(file, suite);
    outcomes.set(adapter, outcome);
    const { passed, failed } = outcome;
    const figure = `${passed.size} passed, ${failed.length} failed`;
    checks.check(passed.size > 0 && failed.length === 0, `${what} on ${adapter}`, figure, 'all');
    for (const name of failed) console.log(`       ${name}`);
  }
  const lists = [...outcomes.values()].map(({ passed }) => [...passed].sort().join('\n'));
  const isSame = lists.every((list) => list === lists[0]);
  const adapters = [...outcomes.keys()].join(', ');
  checks.check(isSame, `${what}: the same tests on ${adapters}`, String(isSame), 'true');
};

await compare('contract', CONTRACT, /keeps the contract of a broker/);
await compare('outages', OUTAGES, /^a broker on .* survives/);
checks.end();
