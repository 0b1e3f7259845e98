/**
 * The one check before a commit: format and lint, types, import directions, dead code, house rules.
 * Every part runs, whatever the others say. Run it: `npm run check`; with the names of parts as
 * arguments, it runs only those.
 */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { REPOSITORY } from './list-files.ts';

type Part = {
  readonly name: string;
  readonly what: string;
  readonly command: readonly [program: string, ...args: string[]];
};

type Outcome = {
  readonly part: Part;
  readonly passed: boolean;
  readonly seconds: number;
  readonly output: string;
};

const bin = (program: string): string => path.join(REPOSITORY, 'node_modules', '.bin', program);

const PARTS: readonly Part[] = [
  {
    name: 'style',
    what: 'format and lint (biome)',
    command: [bin('biome'), 'ci', '--colors=off', '--error-on-warnings', '--max-diagnostics=50'],
  },
  { name: 'types', what: 'types (tsc)', command: [bin('tsc'), '-p', '.', '--noEmit'] },
  {
    name: 'directions',
    what: 'imports between packages (turbo boundaries)',
    command: [bin('turbo'), 'boundaries', '--no-color'],
  },
  {
    name: 'imports',
    what: 'imports within packages',
    command: [process.execPath, 'test/check/imports.ts'],
  },
  {
    name: 'dead-code',
    what: 'unused files, exports, dependencies (knip)',
    command: [bin('knip'), '--no-progress'],
  },
  {
    name: 'tidy',
    what: 'house rules',
    command: [process.execPath, '--test', '--test-reporter=spec', 'test/tidy/tidy.test.ts'],
  },
];

const ENVIRONMENT = {
  ...process.env,
  NO_COLOR: '1',
  TURBO_NO_UPDATE_NOTIFIER: '1',
  TURBO_TELEMETRY_DISABLED: '1',
  // A check that runs inside of a test run is its own.
  NODE_TEST_CONTEXT: undefined,
};

/** Runs one part to its end and keeps what it prints. A program that cannot start has failed. */
const runPart = (part: Part): Promise<Outcome> =>
  new Promise((resolve) => {
    const startedMs = performance.now();
    const [program, ...args] = part.command;
    const chunks: Buffer[] = [];
    const end = (passed: boolean, reason = ''): void => {
      const output = `${Buffer.concat(chunks)}${reason}`.trimEnd();
      resolve({ part, passed, seconds: (performance.now() - startedMs) / 1_000, output });
    };
    const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe'];
    const child = spawn(program, args, { cwd: REPOSITORY, env: ENVIRONMENT, stdio });
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.on('error', (cause) => end(false, `${program} did not start: ${cause.message}`));
    child.on('close', (code, signal) =>
      end(code === 0, code === 0 ? '' : `\nended with ${signal ?? code}`),
    );
  });

const summary = ({ part, passed, seconds }: Outcome): string => {
  const time = seconds.toFixed(1).padStart(5);
  return `${passed ? 'ok  ' : 'FAIL'} ${part.name.padEnd(12)} ${time} s  ${part.what}`;
};

/** The figures that a part prints for the reader, so that a green line says what was looked at. */
const figures = (output: string): string[] =>
  output
    .split('\n')
    .filter((line) => /^(?:Checked|read) \d|median \d/.test(line.replace(/^ℹ /, '')))
    .map((line) => `     ${line.replace(/^ℹ /, '')}`);

const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !PARTS.some((part) => part.name === name));
if (unknown.length > 0) {
  console.error(`no such part: ${unknown}; there are ${PARTS.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}

const outcomes: Outcome[] = [];
for (const part of PARTS.filter(({ name }) => chosen.length === 0 || chosen.includes(name))) {
  const outcome = await runPart(part);
  outcomes.push(outcome);
  if (!outcome.passed) console.log(`--- ${part.name}\n${outcome.output}\n`);
  console.log(summary(outcome));
}

const passed = outcomes.filter((outcome) => outcome.passed).length;
console.log('\nsummary');
for (const outcome of outcomes) {
  console.log([summary(outcome), ...figures(outcome.output)].join('\n'));
}
console.log(`${passed} passed, ${outcomes.length - passed} failed`);
process.exitCode = passed === outcomes.length ? 0 : 1;
