/**
 * The repository as the checks see it: every file on disk, and every TypeScript module as parsed by
 * TypeScript itself. The two lists are made apart, so that a module that the compiler does not
 * read is seen.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { isStringLiteral, type Node, type SourceFile } from 'typescript/unstable/ast';
import { API } from 'typescript/unstable/sync';
import { isTypeScript, listFiles } from './list-files.ts';

export type Import = { readonly specifier: string; readonly line: number };

export type Module = {
  /** From the root, with forward slashes. */
  readonly path: string;
  readonly source: SourceFile;
  readonly imports: readonly Import[];
};

export type SourceTree = {
  readonly root: string;
  /** Every file of the repository, from the root, with forward slashes. */
  readonly files: readonly string[];
  readonly modules: readonly Module[];
  /** TypeScript files on disk that the compiler did not read: tsconfig.json leaves them out. */
  readonly unread: readonly string[];
};

/** A rule that was broken, and where. */
export type Fault = { readonly path: string; readonly line: number; readonly text: string };

export const faultLine = (fault: Fault): string => `${fault.path}:${fault.line} ${fault.text}`;

export const readText = (tree: SourceTree, file: string): string =>
  readFileSync(path.join(tree.root, file), 'utf8');

/** The folder of the workspace that holds `file` (`packages/store`, `test`); '' for the root. */
export const workspaceOf = (file: string): string =>
  /^(?:(?:packages|services|examples)\/[^/]+|test)(?=\/)/.exec(file)?.[0] ?? '';

/** The line of `node`, from 1. */
export const lineOf = (source: SourceFile, node: Node): number =>
  source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;

/** Calls `visit` for every node below `node`, parents first. */
export const walk = (node: Node, visit: (node: Node) => void): void => {
  node.forEachChild((child) => {
    visit(child);
    walk(child, visit);
  });
};

/** Static, dynamic and type imports and re-exports alike, as TypeScript collects them. */
const importsOf = (source: SourceFile): Import[] =>
  source.imports
    .filter(isStringLiteral)
    .map((node) => ({ specifier: node.text, line: lineOf(source, node) }));

/** Reads the tree at `root`, which holds a tsconfig.json. @throws when that cannot be parsed. */
export const readTree = (root: string): SourceTree => {
  const files = listFiles(root);
  const api = new API({ cwd: root });
  try {
    const config = path.join(root, 'tsconfig.json');
    const project = api.updateSnapshot({ openProjects: [config] }).getProject(config);
    const modules: Module[] = [];
    const unread: string[] = [];
    for (const file of files.filter(isTypeScript)) {
      const source = project?.program.getSourceFile(path.join(root, file));
      if (source === undefined) unread.push(file);
      else modules.push({ path: file, source, imports: importsOf(source) });
    }
    return { root, files, modules, unread };
  } finally {
    api.close();
  }
};
