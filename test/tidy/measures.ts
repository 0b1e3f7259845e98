/** What the tidy test measures in one module. Pure. */
import type { CallExpression, Node, SourceFile } from 'typescript/unstable/ast';
import {
  isArrowFunction,
  isCallExpression,
  isConstructorDeclaration,
  isFunctionDeclaration,
  isFunctionExpression,
  isGetAccessorDeclaration,
  isIdentifier,
  isMethodDeclaration,
  isObjectLiteralExpression,
  isPropertyAccessExpression,
  isPropertyAssignment,
  isSetAccessorDeclaration,
  isShorthandPropertyAssignment,
  isVariableDeclaration,
  isVariableStatement,
} from 'typescript/unstable/ast/is';
import { lineOf, type Module, walk } from '../check/source-tree.ts';

export type Measured = { readonly name: string; readonly line: number; readonly lines: number };

const FUNCTIONS = [
  isArrowFunction,
  isConstructorDeclaration,
  isFunctionDeclaration,
  isFunctionExpression,
  isGetAccessorDeclaration,
  isMethodDeclaration,
  isSetAccessorDeclaration,
];

const isFunction = (node: Node): boolean => FUNCTIONS.some((is) => is(node));

/** A `describe` is a list of tests, each a function of its own, and may be as long as it likes. */
const isGroupOfTests = ({ parent }: Node): boolean =>
  parent !== undefined &&
  isCallExpression(parent) &&
  isIdentifier(parent.expression) &&
  ['describe', 'suite'].includes(parent.expression.text);

const nameOf = (node: Node): string => {
  const named = isArrowFunction(node) || isFunctionExpression(node) ? node.parent : node;
  if (named === undefined) return 'anonymous';
  if (isConstructorDeclaration(named)) return 'constructor';
  const hasName = isVariableDeclaration(named) || isFunctionDeclaration(named);
  if (hasName || isMethodDeclaration(named)) {
    return named.name !== undefined && isIdentifier(named.name) ? named.name.text : 'anonymous';
  }
  return 'anonymous';
};

/** The lines from the first to the last of `node`, both counted. */
const linesOf = (source: SourceFile, node: Node): number =>
  source.getLineAndCharacterOfPosition(node.end).line + 2 - lineOf(source, node);

export const functionsOf = ({ source }: Module): Measured[] => {
  const found: Measured[] = [];
  walk(source, (node) => {
    if (!isFunction(node) || isGroupOfTests(node)) return;
    const line = lineOf(source, node);
    found.push({ name: nameOf(node), line, lines: linesOf(source, node) });
  });
  return found;
};

/** The functions that a module exports where it declares them; has each a docstring? */
export const exportedFunctionsOf = ({ source }: Module): (Measured & { documented: boolean })[] =>
  source.statements.flatMap((statement) => {
    if (!/^export\s/.test(source.text.slice(statement.getStart(source), statement.end))) return [];
    const names: string[] = [];
    if (isFunctionDeclaration(statement)) names.push(statement.name?.text ?? 'default');
    if (isVariableStatement(statement)) {
      for (const { name, initializer } of statement.declarationList.declarations) {
        if (initializer !== undefined && isFunction(initializer) && isIdentifier(name)) {
          names.push(name.text);
        }
      }
    }
    const before = source.text.slice(statement.pos, statement.getStart(source));
    const line = lineOf(source, statement);
    const lines = linesOf(source, statement);
    return names.map((name) => ({ name, line, lines, documented: before.includes('/**') }));
  });

const CALLS = ['test', 'it', 'describe', 'suite', 't', 'context'];
const SETTINGS = ['only', 'skip', 'todo'];

const isNamed = (node: Node, names: readonly string[]): boolean =>
  isIdentifier(node) && names.includes(node.text);

/** `test.skip(…)`, or `test(name, { skip: … }, …)`; the same for `only` and `todo`. */
const sparesTest = (node: CallExpression): boolean => {
  const { expression: callee } = node;
  if (isPropertyAccessExpression(callee)) {
    return isNamed(callee.expression, CALLS) && SETTINGS.includes(callee.name.text);
  }
  const settings = node.arguments.filter(isObjectLiteralExpression);
  return (
    isNamed(callee, CALLS) &&
    settings
      .flatMap(({ properties }) => [...properties])
      .filter((one) => isPropertyAssignment(one) || isShorthandPropertyAssignment(one))
      .some(({ name }) => isNamed(name, SETTINGS))
  );
};

/** The lines of a test file where a test is skipped, put off, or run instead of the others. */
export const sparedTestsOf = ({ source }: Module): number[] => {
  const lines: number[] = [];
  walk(source, (node) => {
    if (isCallExpression(node) && sparesTest(node)) lines.push(lineOf(source, node));
  });
  return lines;
};

/** The middle value; the lower one of two. 0 for none. */
export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? 0;
