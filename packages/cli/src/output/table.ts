import { bold, clean } from './print.ts';

export type Cell = string | number | boolean | null;

/** Lines of a table whose columns are as wide as what they hold; null shows as a dash. */
export const tableLines = (
  headings: readonly string[],
  rows: readonly (readonly Cell[])[],
): string[] => {
  const texts = rows.map((row) => row.map((cell) => (cell === null ? '-' : clean(String(cell)))));
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...texts.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [bold(line(headings)), ...texts.map(line)];
};

/** Lines of `name  value`, the values in one column. Values must be clean already. */
export const fieldLines = (
  fields: readonly (readonly [name: string, value: string])[],
): string[] => {
  const width = Math.max(...fields.map(([name]) => name.length));
  return fields.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
};
