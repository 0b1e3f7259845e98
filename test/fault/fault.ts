/**
 * The fault run: services, Postgres, broker, network and clocks are broken at random under load,
 * everything is healed, and every promise about the jobs is checked. `npm run test:fault`; the seed
 * that it prints breaks the same things again. The exit code is 1 when a promise was not kept.
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { type FaultOptions, readOptions, USAGE } from './options.ts';
import { type FaultRun, runFaults } from './run-faults.ts';

const RERUN_MAX_PART = 0.01;
/** What one fault may cost in work done twice, where there are few jobs. */
const RERUN_MIN = 40;

type Counts = { readonly passed: number; readonly failed: number };

const haveRequirements = (): boolean => {
  const program = path.join(import.meta.dirname, '../support/requirements.ts');
  return spawnSync(process.execPath, [program, 'faketime'], { stdio: 'inherit' }).status === 0;
};

const countBy = (values: readonly string[]): string => {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].map(([value, count]) => `${value} ${count}`).join(', ');
};

/** Prints what came of the run. @returns how many promises were kept, and how many not. */
const summarize = (options: FaultOptions, { struck, verdict, troubles }: FaultRun): Counts => {
  const { acknowledged, found, ends, runs, reruns, rerunPart } = verdict;
  console.log(`
seed ${options.seed}, ${options.broker}
faults ${struck.length}: ${countBy(struck.map(({ kind }) => kind))}
    of ${countBy(struck.map(({ target }) => target))}
jobs ended ${[...ends].map(([state, count]) => `${state} ${count}`).join(', ')}`);
  const counts = { passed: 0, failed: 0 };
  const check = (isKept: boolean, what: string, figure: string | number): void => {
    counts[isKept ? 'passed' : 'failed'] += 1;
    console.log(`${isKept ? 'ok  ' : 'FAIL'} ${what}: ${figure}`);
  };
  check(acknowledged > 0 && found === acknowledged, 'acknowledged jobs', acknowledged);
  check(verdict.lost === 0, 'lost', verdict.lost);
  check(verdict.twoTerminal === 0, 'two terminal states', verdict.twoTerminal);
  check(verdict.altered === 0, 'inputs or outputs altered', verdict.altered);
  const rerunMax = Math.max(RERUN_MAX_PART * runs, RERUN_MIN);
  const percent = (rerunPart * 100).toFixed(2);
  check(reruns <= rerunMax, 're-executions', `${reruns} of ${runs} runs, ${percent} %`);
  check(verdict.faults.length === 0, 'invariants broken', verdict.faults.length);
  for (const sentence of verdict.faults) console.log(`       ${sentence}`);
  for (const sentence of verdict.figures) console.log(`     ${sentence}`);
  check(troubles.length === 0, 'troubles of the services', troubles.length);
  for (const sentence of troubles) console.log(`       ${sentence}`);
  return counts;
};

const main = async (): Promise<number> => {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') {
    console.log(USAGE);
    return 0;
  }
  if (!haveRequirements()) return 1;
  const { seed, faults, jobs, broker } = options;
  console.log(`seed ${seed}: ${faults} faults over ${jobs} jobs on ${broker}`);
  const startedMs = performance.now();
  const { passed, failed } = summarize(options, await runFaults(options));
  console.log(`${((performance.now() - startedMs) / 1_000).toFixed(0)} s`);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
};

// What was started and mounted goes with it.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
const exitCode = await main().catch((error: unknown) => {
  console.error(error instanceof TypeError ? `${error.message}\n${USAGE}` : error);
  return 1;
});
// A connection that a fault left half open must not keep the program.
process.exit(exitCode);
