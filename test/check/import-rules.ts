/** What an import may say, beyond the directions between packages that turbo.json holds. */
import path from 'node:path';
import { isIdentifier, isPropertyAccessExpression } from 'typescript/unstable/ast/is';
import { isTest } from './list-files.ts';
import {
  type Fault,
  type Import,
  lineOf,
  type Module,
  type SourceTree,
  walk,
  workspaceOf,
} from './source-tree.ts';

const OURS = '@switchyard/';
const STATEMENTS = 'packages/store/src/statements/';

/** Libraries that one package alone may know, so that they can be replaced there; and tests. */
const KNOWN_TO: Readonly<Record<string, string>> = {
  pg: 'packages/store',
  kysely: 'packages/store',
  nats: 'packages/broker',
  amqplib: 'packages/broker',
};

/** `services/intake/src/http/run.ts` → `http`: the door of a service that the file belongs to. */
const doorOf = (file: string): string | undefined =>
  /^services\/[^/]+\/src\/(http|consumers|loops)\//.exec(file)?.[1];

/** The file that a relative specifier names, from the root. */
export const targetOf = (module: Module, specifier: string): string =>
  path.posix.join(path.posix.dirname(module.path), specifier);

/** The package that a bare specifier names: `kysely/helpers` → `kysely`. */
const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

const relativeFault = (module: Module, specifier: string, files: ReadonlySet<string>) => {
  const target = targetOf(module, specifier);
  if (workspaceOf(target) !== workspaceOf(module.path)) {
    return `imports ${specifier}, which is in another package: name the package`;
  }
  if (!files.has(target)) return `imports ${specifier}, which does not exist`;
  const door = doorOf(target);
  const isWiring = /\/src\/(?:main|index)\.ts$/.test(module.path) || isTest(module.path);
  if (door !== undefined && !isWiring && doorOf(module.path) !== door) {
    return `imports ${specifier}: a door is imported only by main.ts and index.ts`;
  }
  return undefined;
};

const bareFault = (module: Module, specifier: string, ours: ReadonlyMap<string, string>) => {
  if (specifier.startsWith('node:')) return undefined;
  const name = packageOf(specifier);
  if (name.startsWith(OURS)) {
    if (specifier !== name) return `imports ${specifier}: a package shows only its index`;
    return ours.has(name) ? undefined : `imports ${specifier}, which no workspace is named`;
  }
  const owner = KNOWN_TO[name];
  const place = workspaceOf(module.path);
  // A producer outside of Switchyard is what that example shows.
  const isOutside = place === 'test' || place === 'examples/producers';
  if (owner !== undefined && place !== owner && !isOutside) {
    return `imports ${name}: only ${owner} may`;
  }
  return undefined;
};

/** A statement speaks to the database and to nothing else. */
const statementFault = (module: Module, specifier: string): string | undefined => {
  if (!module.path.startsWith(STATEMENTS) || isTest(module.path)) return undefined;
  if (specifier.startsWith('.')) return undefined;
  const name = packageOf(specifier);
  const allowed = ['kysely', 'pg', `${OURS}contracts`, `${OURS}lifecycle`];
  return allowed.includes(name) ? undefined : `imports ${specifier}: a statement holds only SQL`;
};

/** Every import of `tree` that breaks a rule. `ours` maps package names to their folders. */
export const importFaults = (tree: SourceTree, ours: ReadonlyMap<string, string>): Fault[] => {
  const files = new Set(tree.files);
  const judge = (module: Module, { specifier }: Import) =>
    (specifier.startsWith('.')
      ? relativeFault(module, specifier, files)
      : bareFault(module, specifier, ours)) ?? statementFault(module, specifier);
  return tree.modules.flatMap((module) =>
    module.imports.flatMap((one) => {
      const text = judge(module, one);
      return text === undefined ? [] : [{ path: module.path, line: one.line, text }];
    }),
  );
};

/** Every use of `sql.raw`, which would let a value become part of a statement's text. */
export const rawSqlFaults = (tree: SourceTree): Fault[] =>
  tree.modules.flatMap((module) => {
    const faults: Fault[] = [];
    walk(module.source, (node) => {
      if (!isPropertyAccessExpression(node) || node.name.text !== 'raw') return;
      if (!isIdentifier(node.expression) || node.expression.text !== 'sql') return;
      const line = lineOf(module.source, node);
      faults.push({ path: module.path, line, text: 'uses sql.raw: bind the value instead' });
    });
    return faults;
  });

const SQL = /\b(?:select\s[^;]*\sfrom\s|insert\s+into\s|delete\s+from\s|update\s+\w+\s+set\s)/i;
const QUOTED = /`(?:[^`\\]|\\.)*`|'(?:[^'\\\n]|\\.)*'/g;

/** Every string outside of `store` that reads like a statement. Tests may look for themselves. */
export const strayStatementFaults = (tree: SourceTree): Fault[] =>
  tree.modules
    .filter(({ path: file }) => !/^(?:packages\/store|test)\//.test(file) && !isTest(file))
    .flatMap(({ path: file, source }) =>
      [...source.text.matchAll(QUOTED)]
        .filter(([text]) => SQL.test(text))
        .map(({ index }) => ({
          path: file,
          line: source.getLineAndCharacterOfPosition(index).line + 1,
          text: 'holds SQL: that belongs into packages/store/src/statements',
        })),
    );
