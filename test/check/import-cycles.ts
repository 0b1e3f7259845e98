import { targetOf } from './import-rules.ts';
import type { Module, SourceTree } from './source-tree.ts';

type Graph = ReadonlyMap<string, readonly string[]>;

/** Which module imports which, type imports among them. A package stands for its index. */
const graphOf = (tree: SourceTree, ours: ReadonlyMap<string, string>): Graph => {
  const aim = (module: Module, specifier: string): string => {
    if (specifier.startsWith('.')) return targetOf(module, specifier);
    const folder = ours.get(specifier);
    return folder === undefined ? '' : `${folder}/src/index.ts`;
  };
  const known = new Set(tree.modules.map((module) => module.path));
  return new Map(
    tree.modules.map((module) => [
      module.path,
      module.imports.map((one) => aim(module, one.specifier)).filter((file) => known.has(file)),
    ]),
  );
};

/**
 * The import cycles of `tree`, each as the files along it with the first named again at the end.
 * One cycle is told for each import that closes one; none means that there is none.
 */
export const importCycles = (tree: SourceTree, ours: ReadonlyMap<string, string>): string[][] => {
  const graph = graphOf(tree, ours);
  const cycles: string[][] = [];
  const done = new Set<string>();
  const way: string[] = [];
  const visit = (file: string): void => {
    const seenAt = way.indexOf(file);
    if (seenAt !== -1) {
      cycles.push([...way.slice(seenAt), file]);
      return;
    }
    if (done.has(file)) return;
    way.push(file);
    for (const next of graph.get(file) ?? []) visit(next);
    way.pop();
    done.add(file);
  };
  for (const file of graph.keys()) visit(file);
  return cycles;
};
