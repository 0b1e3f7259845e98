/** A statement: `name` makes it prepared once a connection, so no two texts may share one. */
export type Statement = { readonly name: string; readonly text: string };

const known = new Map<string, Statement>();

/** Enters a statement under its name. @throws TypeError when another text has it already. */
export const statement = (entry: Statement): Statement => {
  if (known.has(entry.name)) throw new TypeError(`two statements are named ${entry.name}`);
  known.set(entry.name, entry);
  return entry;
};

/** Every statement of the package that is prepared by name, for tests that look at them all. */
export const listStatements = (): readonly Statement[] => [...known.values()];
