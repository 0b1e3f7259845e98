import { ACT_NAMES, type ActName } from './acts.ts';
import type { Cell } from './interleave.ts';

/** Short enough for the head of a column. */
const SHORT: Readonly<Record<ActName, string>> = {
  claim: 'clai',
  complete: 'comp',
  completeUnnamed: 'coUn',
  completeLate: 'coLa',
  completeForeign: 'coFo',
  fail: 'fail',
  chunk: 'chun',
  handBack: 'hand',
  loseLate: 'loLa',
  recover: 'reco',
  cancel: 'canc',
  purge: 'purg',
  expire: 'expi',
  overrun: 'over',
  escalate: 'esca',
  start: 'star',
  retry: 'retr',
  retire: 'reti',
};
const NAME_COLUMNS = 16;
const CELL_COLUMNS = 6;

export const LEGEND =
  'A row is the act whose transaction is open, a column the one that meets it. 1 or 2: which of ' +
  'them moved the job; -: neither; w: the second waited for the first. Behind /: when the first ' +
  'was undone. !: what no order of the two allows.';

const textOf = ({ outcome: { first, second }, met, fault }: Cell): string => {
  const movers = `${first ? '1' : ''}${second ? '2' : ''}` || '-';
  return `${fault === undefined ? '' : '!'}${movers}${met === 'waits' ? 'w' : ''}`;
};

/** The interleavings of each pair at one stand, as lines of a table. */
export const tableOf = (cells: readonly Cell[]): string[] => {
  const seconds = ACT_NAMES.filter((name) => cells.some(({ second }) => second === name));
  const textAt = (first: ActName, second: ActName): string =>
    cells
      .filter((cell) => cell.first === first && cell.second === second)
      .map(textOf)
      .join('/');
  const lineOf = (name: string, texts: readonly string[]): string =>
    `  ${name.padEnd(NAME_COLUMNS)}${texts.map((text) => text.padEnd(CELL_COLUMNS + 1)).join('')}`;
  return [
    lineOf(
      '',
      seconds.map((name) => SHORT[name]),
    ),
    ...ACT_NAMES.filter((name) => cells.some(({ first }) => first === name)).map((first) =>
      lineOf(
        first,
        seconds.map((second) => textAt(first, second)),
      ),
    ),
  ];
};
