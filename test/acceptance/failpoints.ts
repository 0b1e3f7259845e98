/**
 * Crashes, fails and delays services at each named point once, under load: nothing is lost.
 *
 * Arguments: `--only PART` for the points whose name contains PART, `--mode MODE` for one mode,
 * `--keep FOLDER` to keep history, logs and tables.
 * It ends with a table of the points: when each struck, in each mode.
 */
import { parseArgs } from 'node:util';
import type { FailpointMode } from '@switchyard/runtime';
import { listFailpoints } from '../failpoints/list-failpoints.ts';
import { MODES_IN_TURN, type PointOutcome, runFailpoints } from '../failpoints/run-failpoints.ts';
import { startChecks } from './support/checks.ts';

const { values } = parseArgs({
  options: { only: { type: 'string' }, mode: { type: 'string' }, keep: { type: 'string' } },
});
const { only = '', mode, keep } = values;
const points = listFailpoints().filter((point) => point.includes(only));
const modes = MODES_IN_TURN.filter((one) => mode === undefined || one === mode);

const printTable = (outcomes: ReadonlyMap<string, PointOutcome>): void => {
  const width = Math.max(...points.map((point) => point.length));
  console.log(`\n${'point'.padEnd(width)}  ${modes.map((one) => one.padStart(12)).join('  ')}`);
  for (const point of [...points].sort()) {
    const cell = (one: FailpointMode): string => {
      const ms = outcomes.get(point)?.get(one);
      return (ms === undefined ? 'not passed' : `${(ms / 1_000).toFixed(1)} s`).padStart(12);
    };
    console.log(`${point.padEnd(width)}  ${modes.map(cell).join('  ')}`);
  }
};

const checks = startChecks();
console.log(`${points.length} failpoints in ${modes.length} modes`);
printTable(await runFailpoints({ checks, points, modes, keep }));
checks.end();
process.exit();
