/** The one of `known` that takes the fewest single-letter changes to reach from `name`. */
export const closestName = (name: string, known: readonly string[]): string => {
  // A name of any length may stand in the environment; what follows is quadratic.
  const start = name.slice(0, 64);
  let closest = '';
  let fewest = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const changes = changesBetween(start, candidate);
    if (changes < fewest) {
      fewest = changes;
      closest = candidate;
    }
  }
  return closest;
};

/** Levenshtein's distance, one row of the table at a time. */
const changesBetween = (from: string, to: string): number => {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let line = 1; line <= from.length; line += 1) {
    const next = [line];
    for (let column = 1; column <= to.length; column += 1) {
      const same = from[line - 1] === to[column - 1];
      const changed = (row[column - 1] ?? 0) + (same ? 0 : 1);
      next.push(Math.min(changed, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
};
