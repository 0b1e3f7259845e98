import { spreadOf, tellSpread } from './figures.ts';
import { type Reading, valuesOf } from './readings.ts';

/** Rows of text in columns; the first column to the left, the others to the right. */
export const columns = (rows: readonly (readonly string[])[]): string => {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  }
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('  ')
      .trimEnd();
  return rows.map(line).join('\n');
};

const distinct = (values: readonly string[]): string[] => [...new Set(values)];

/** The table of one measure; its longer side, subjects or figures, goes down. */
const tableOf = (measure: string, readings: readonly Reading[]): string => {
  const own = readings.filter((one) => one.measure === measure);
  const figures = distinct(own.flatMap((one) => Object.keys(one.figures)));
  const subjects = distinct(own.map((one) => one.subject));
  const cell = (subject: string, figure: string): string => {
    const values = [...valuesOf(own, measure, subject, figure).values()];
    return values.length === 0 ? '' : tellSpread(spreadOf(values));
  };
  const rows =
    subjects.length >= figures.length
      ? [['', ...figures], ...subjects.map((one) => [one, ...figures.map((of) => cell(one, of))])]
      : [['', ...subjects], ...figures.map((of) => [of, ...subjects.map((one) => cell(one, of))])];
  return `${measure}\n${columns(rows)}`;
};

/** Every measure's table: the median of the repetitions, and in brackets the least and largest. */
export const tellReadings = (readings: readonly Reading[]): string =>
  distinct(readings.map((one) => one.measure))
    .map((measure) => tableOf(measure, readings))
    .join('\n\n');
