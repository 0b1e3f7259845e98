/**
 * Runs the tests: `npm test`, or `npm test -- PART…` for the files whose path contains a PART.
 * Postgres, NATS and RabbitMQ are started once for all of them and named by TEST_DATABASE_URL,
 * TEST_NATS_URL and TEST_AMQP_URL. The last line is `N passed, N failed`; the exit code is 1 when
 * anything failed.
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { isTest, listFiles, REPOSITORY } from './check/list-files.ts';
import { RABBIT_VHOSTS } from './support/brokers.ts';
import { startNats } from './support/nats.ts';
import { startPostgres } from './support/postgres.ts';
import { startRabbit } from './support/rabbitmq.ts';

const TEST_MS = 120_000;
const FILE_MS = 600_000;
const FILES_AT_ONCE = 2;
const SLOWEST_SHOWN = 12;
/** Hundreds of processes load the same code; this spares each a third of its start. */
const COMPILED = path.join(REPOSITORY, 'test/node_modules/.cache/compiled');

type Counts = { passed: number; failed: number };
type Timed = { file: string; ms: number };

const chooseFiles = (parts: readonly string[]): string[] =>
  listFiles(REPOSITORY)
    .filter((file) => isTest(file))
    .filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)));

const haveRequirements = (): boolean => {
  const program = path.join(REPOSITORY, 'test/support/requirements.ts');
  return spawnSync(process.execPath, [program], { stdio: 'inherit' }).status === 0;
};

const printSlowest = (timed: readonly Timed[]): void => {
  const slowest = timed.toSorted((one, other) => other.ms - one.ms).slice(0, SLOWEST_SHOWN);
  for (const { file, ms } of slowest) {
    console.log(`${(ms / 1_000).toFixed(1).padStart(6)} s  ${path.relative(REPOSITORY, file)}`);
  }
};

/** Runs `files` and prints as it goes. A file that crashes, or holds no test, counts as failed. */
const runFiles = async (files: readonly string[], signal: AbortSignal): Promise<Counts> => {
  const counts: Counts = { passed: 0, failed: 0 };
  const stream = run({
    files: files.map((file) => path.join(REPOSITORY, file)),
    cwd: REPOSITORY,
    concurrency: FILES_AT_ONCE,
    timeout: FILE_MS,
    execArgv: [`--test-timeout=${TEST_MS}`],
    signal,
  });
  const timed: Timed[] = [];
  let empty = 0;
  stream.on('test:pass', ({ name, file }) => {
    if (name !== file) return;
    console.log(`✖ ${file} holds no test`);
    empty += 1;
  });
  stream.on('test:summary', ({ file, success, duration_ms: ms, counts: { passed, tests } }) => {
    // The summary without a file is that of the whole run. What was skipped did not pass, and a
    // hook of a suite fails the run without being a test.
    if (file !== undefined) {
      timed.push({ file, ms });
      return;
    }
    Object.assign(counts, { passed, failed: Math.max(tests - passed, success ? 0 : 1) });
  });
  for await (const text of stream.compose(spec())) process.stdout.write(text);
  printSlowest(timed);
  return { passed: counts.passed - empty, failed: counts.failed + empty };
};

const runWithServers = async (files: readonly string[], signal: AbortSignal): Promise<Counts> => {
  await using postgres = await startPostgres();
  await using nats = await startNats();
  await using rabbit = await startRabbit({ vhosts: RABBIT_VHOSTS });
  process.env.NODE_COMPILE_CACHE = COMPILED;
  process.env.TEST_DATABASE_URL = postgres.url;
  process.env.TEST_NATS_URL = nats.url;
  process.env.TEST_AMQP_URL = rabbit.url;
  return await runFiles(files, signal);
};

const main = async (): Promise<Counts> => {
  const parts = process.argv.slice(2);
  const files = chooseFiles(parts);
  if (files.length === 0) {
    console.log(`no test file has a path that contains ${parts.join(' or ')}`);
    return { passed: 0, failed: 1 };
  }
  if (!haveRequirements()) return { passed: 0, failed: 1 };
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stopping.abort());
  return await runWithServers(files, stopping.signal);
};

// Inside of another test run, Node would take this one for a part of it.
delete process.env.NODE_TEST_CONTEXT;
const counts = await main().catch((cause: unknown): Counts => {
  console.log(cause);
  return { passed: 0, failed: 1 };
});
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1;
