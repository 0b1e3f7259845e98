/** One case of a table: what was tried, and what was wrong with what came, if anything. */
export type Cell = { readonly name: string; readonly fault: string | undefined };

export type Checks = {
  /** Prints one line: whether `ok`, and the figure beside the bound. */
  check(ok: boolean, name: string, figure: string | number, bound: string | number): void;
  /** One check for a table of cases; those that fall short are listed below its line. */
  table(name: string, cells: readonly Cell[]): void;
  /** Prints the count and sets the exit code: 1 when a check fell short or there was none. */
  end(): void;
};

/** The checks of an acceptance program, printed as they are made. */
export const startChecks = (): Checks => {
  let made = 0;
  let failed = 0;
  let cases = 0;
  const check: Checks['check'] = (ok, name, figure, bound) => {
    made += 1;
    if (!ok) failed += 1;
    console.log(`${ok ? 'ok  ' : 'FAIL'} ${name}: ${figure} (${bound})`);
  };
  return {
    check,
    table: (name, cells) => {
      const faults = cells.filter(({ fault }) => fault !== undefined);
      cases += cells.length;
      const good = cells.length - faults.length;
      check(faults.length === 0 && cells.length > 0, name, good, `all ${cells.length} cells`);
      for (const { name: cell, fault } of faults) console.log(`       ${cell}: ${fault}`);
    },
    end: () => {
      console.log(`${made} checks, ${cases} cells in tables, ${failed} fell short`);
      console.log(`${made - failed} passed, ${failed} failed`);
      process.exitCode = failed === 0 && made > 0 ? 0 : 1;
    },
  };
};
