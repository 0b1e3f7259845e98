/** Checks imports within and between packages. Run it: `node test/check/imports.ts`. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { importCycles } from './import-cycles.ts';
import { importFaults, rawSqlFaults, strayStatementFaults } from './import-rules.ts';
import { isTypeScript, REPOSITORY } from './list-files.ts';
import { faultLine, readTree, type SourceTree } from './source-tree.ts';

/** The names of the workspaces' packages and the folder of each. */
const workspaces = (tree: SourceTree): Map<string, string> =>
  new Map(
    tree.files
      .filter((file) => file.endsWith('/package.json'))
      .map((file) => {
        const manifest: unknown = JSON.parse(readFileSync(path.join(tree.root, file), 'utf8'));
        const named = typeof manifest === 'object' && manifest !== null && 'name' in manifest;
        return [named ? String(manifest.name) : file, path.posix.dirname(file)];
      }),
  );

export type ImportReport = {
  readonly modules: number;
  readonly sourceFiles: number;
  readonly imports: number;
  /** One line for each thing that is wrong. */
  readonly faults: readonly string[];
};

/** Checks the tree at `root`. It is at fault, too, when a source file was not read. */
export const checkImports = (root: string): ImportReport => {
  const tree = readTree(root);
  const ours = workspaces(tree);
  const faults = [
    ...tree.unread.map((file) => `${file}:1 is not read: tsconfig.json leaves it out`),
    ...[importFaults(tree, ours), rawSqlFaults(tree), strayStatementFaults(tree)]
      .flat()
      .map(faultLine),
    ...importCycles(tree, ours).map((way) => `${way[0]}:1 is in a cycle: ${way.join(' → ')}`),
  ];
  return {
    modules: tree.modules.length,
    sourceFiles: tree.files.filter(isTypeScript).length,
    imports: tree.modules.reduce((sum, module) => sum + module.imports.length, 0),
    faults,
  };
};

if (import.meta.main) {
  const { modules, sourceFiles, imports, faults } = checkImports(REPOSITORY);
  for (const fault of faults) console.log(fault);
  const read = `read ${modules} modules of ${sourceFiles} source files, ${imports} imports`;
  console.log(`${read}, ${faults.length} faults`);
  process.exitCode = faults.length === 0 && modules >= sourceFiles && modules > 0 ? 0 : 1;
}
