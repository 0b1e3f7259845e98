/**
 * The benchmark: `npm run bench`, or with `-- --only NAME` a part of it. Switchyard, peers and a
 * reference bound are read in turn on the same servers, and one table of ratios stands at the end.
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { REPOSITORY } from '../support/start-switchyard.ts';
import type { Contender } from './contender.ts';
import { PEERS } from './contenders/peer.ts';
import { SWITCHYARD } from './contenders/switchyard.ts';
import { brief } from './figures.ts';
import { judgeTargets, tellTargets } from './judge-targets.ts';
import { describeMachine } from './machine.ts';
import { type Bench, type Figures, LeftOut, type Subject } from './measure.ts';
import { MEASURES } from './measures.ts';
import { type Options, readOptions, USAGE } from './options.ts';
import { queryOnce } from './query-once.ts';
import { openReadings, type Readings } from './readings.ts';
import { openServers, type Servers } from './servers.ts';
import { tellReadings } from './table.ts';
import { TARGETS } from './targets.ts';

const CONTENDERS: readonly Contender[] = [SWITCHYARD, ...PEERS];

const haveRequirements = (): boolean => {
  const program = path.join(REPOSITORY, 'test/support/requirements.ts');
  const done = spawnSync(process.execPath, [program, 'redis-server'], { stdio: 'inherit' });
  return done.status === 0;
};

/** Those of `all` that are named; all when none is. @throws TypeError for a name that is none. */
const choose = <One extends { readonly name: string }>(
  all: readonly One[],
  names: readonly string[],
): readonly One[] => {
  const unknown = names.filter((name) => !all.some((one) => one.name === name));
  if (unknown.length > 0) {
    throw new TypeError(
      `no ${unknown.join(', ')}; there are ${all.map(({ name }) => name).join(', ')}`,
    );
  }
  return names.length === 0 ? all : all.filter(({ name }) => names.includes(name));
};

const tellFigures = (figures: Figures): string =>
  Object.entries(figures)
    .map(([name, value]) => `${name} ${brief(value)}`)
    .join(', ');

const benchOf = (options: Options, servers: Servers, readings: Readings): Bench => {
  const readOnce = async (measure: string, repetition: number, subject: Subject): Promise<void> => {
    const about = { measure, subject: subject.name, repetition };
    try {
      const figures = await subject.read();
      readings.add({ ...about, figures });
      console.log(`  ${repetition} ${subject.name}: ${tellFigures(figures)}`);
    } catch (error) {
      if (error instanceof LeftOut) {
        readings.note({ ...about, leftOut: error.message });
        console.log(`  ${repetition} ${subject.name} is left out: ${error.message}`);
        return;
      }
      readings.add({ ...about, failure: String(error) });
      console.log(`  ${repetition} ${subject.name} FAILED: ${String(error).slice(0, 2_000)}`);
    }
  };
  return {
    servers,
    isQuick: options.isQuick,
    contenders: choose(CONTENDERS, options.contenders),
    compare: async (measure, subjects) => {
      for (let repetition = 1; repetition <= options.repetitions; repetition += 1) {
        for (const subject of subjects) await readOnce(measure, repetition, subject);
      }
    },
  };
};

const NAME_WIDTH = Math.max(...MEASURES.map(({ name }) => name.length));

const main = async (): Promise<number> => {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') {
    console.log(`${USAGE}\n\nMeasures:`);
    for (const { name, about } of MEASURES) console.log(`  ${name.padEnd(NAME_WIDTH)}  ${about}`);
    console.log(`Contenders: ${CONTENDERS.map(({ name }) => name).join(', ')}`);
    return 0;
  }
  const measures = choose(MEASURES, options.only);
  if (!haveRequirements()) return 1;
  await using servers = openServers();
  await using readings = openReadings();
  const bench = benchOf(options, servers, readings);
  const { url } = await servers.postgres();
  const [version] = await queryOnce<{ version: string }>(url, 'select version()');
  const machine = describeMachine(version?.version ?? '');
  readings.note({ machine, options });
  for (const [name, value] of Object.entries(machine)) console.log(`${name}: ${value}`);
  for (const measure of measures) {
    console.log(`\n${measure.name}: ${measure.about}`);
    await measure.run(bench);
  }
  const failed = readings.failures().length;
  console.log(`\n${tellReadings(readings.all())}\n`);
  console.log(tellTargets(readings.all(), TARGETS));
  console.log(
    `${failed} readings failed; raw lines in ${path.relative(REPOSITORY, readings.file)}`,
  );
  if (!options.isStrict) return failed === 0 ? 0 : 1;
  const judged = judgeTargets(readings.all(), TARGETS);
  const missed = judged.filter(({ isReached }) => !isReached).length + failed;
  console.log(`${judged.length - missed + failed} passed, ${missed} failed`);
  return missed === 0 && judged.length > 0 ? 0 : 1;
};

// The exit hooks of servers, services and programs end what a reading has started.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));
process.exitCode = await main().catch((error: unknown) => {
  console.error(error instanceof TypeError ? `${error.message}\n${USAGE}` : error);
  return 2;
});
