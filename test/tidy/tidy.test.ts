import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { isTest, isTypeScript, REPOSITORY } from '../check/list-files.ts';
import { type Module, readText, readTree } from '../check/source-tree.ts';
import { exportedFunctionsOf, functionsOf, median, sparedTestsOf } from './measures.ts';
import { EXCEPTIONS_MAX, exceptionsTo, RATCHETS, ratchetFaults } from './ratchet.ts';
import { VERBS } from './verbs.ts';

const FILE_LINES_MAX = 300;
const FUNCTION_LINES_MAX = 70;
const LINE_COLUMNS_MAX = 100;

const tree = readTree(REPOSITORY);
const { modules, files } = tree;
const texts = files
  .filter(
    (file) =>
      isTypeScript(file) ||
      /(?:^|\/)(?:run|LICENSE)$|\.(?:mjs|js|json|md|ya?ml|sh|sql|css|html)$/.test(file),
  )
  .filter((file) => !/(?:^|\/)(?:package-lock\.json|LICENSE)$/.test(file))
  .map((file) => ({ file, text: readText(tree, file) }));

const lineCount = (module: Module): number => module.source.text.trimEnd().split('\n').length;

const none = (faults: readonly string[], rule: string): void =>
  assert.equal(faults.length, 0, `${rule}\n${faults.join('\n')}`);

/** Every line of the given texts that `pattern` matches, as `file:line text`. */
const linesThat = (pattern: RegExp, among: readonly { file: string; text: string }[]): string[] =>
  among.flatMap(({ file, text }) =>
    text
      .split('\n')
      .map((line, index) => ({ line, at: `${file}:${index + 1}` }))
      .filter(({ line }) => pattern.test(line))
      .map(({ line, at }) => `${at} ${line.trim().slice(0, 80)}`),
  );

const code = texts.filter(({ file }) => isTypeScript(file) || file.endsWith('.mjs'));

test('the tree is read whole', () => {
  assert(modules.length > 0);
  none(tree.unread, 'every TypeScript file is in tsconfig.json');
});

test('medians', (t) => {
  const tests = modules.filter(({ path: file }) => isTest(file));
  const source = modules.filter(({ path: file }) => !isTest(file));
  t.diagnostic(`${source.length} source files, median ${median(source.map(lineCount))} lines`);
  t.diagnostic(`${tests.length} test files, median ${median(tests.map(lineCount))} lines`);
  const lengths = modules.flatMap(functionsOf).map(({ lines }) => lines);
  t.diagnostic(`${lengths.length} functions, median ${median(lengths)} lines`);
});

test(`files have at most ${FILE_LINES_MAX} lines`, () => {
  const long = modules
    .map((module) => [module.path, lineCount(module)] as const)
    .filter(([, lines]) => lines > FILE_LINES_MAX);
  none(ratchetFaults(Object.fromEntries(long), exceptionsTo('files')), 'too long');
});

test(`functions have at most ${FUNCTION_LINES_MAX} lines`, () => {
  const long = modules.flatMap((module) =>
    functionsOf(module)
      .filter(({ lines }) => lines > FUNCTION_LINES_MAX)
      .map(({ name, lines }) => [`${module.path} ${name}`, lines] as const),
  );
  none(ratchetFaults(Object.fromEntries(long), exceptionsTo('functions')), 'too long');
});

test(`lines have at most ${LINE_COLUMNS_MAX} columns`, () => {
  none(linesThat(new RegExp(`^.{${LINE_COLUMNS_MAX + 1},}`, 'u'), code), 'too wide');
});

test('files are named for what they hold', () => {
  const vague = /(?:^|\/)(?:utils?|helpers?|common|types|managers?)(?:\.[^/]*)?(?:\/|$)/;
  none(
    files.filter((file) => vague.test(file)),
    'vague names',
  );
});

test('no test is skipped, put off, or run alone', () => {
  const spared = modules.flatMap((module) =>
    sparedTestsOf(module).map((line) => `${module.path}:${line}`),
  );
  none(spared, 'spared tests');
});

test('nothing is left for later in a comment', () => {
  none(linesThat(/\b(?:TO[D]O|FIX[M]E|X[X]X|HA[C]K)\b/, texts), 'left for later');
});

test('no path of one machine is named', () => {
  none(linesThat(/(?<![\w.$}*-])\/(?:wor[k]|roo[t]|far[m])\//, texts), 'machine paths');
});

test('nothing escapes the compiler without a reason', () => {
  const escapes = /\bas an[y]\b|<an[y]>|@ts-(?:ignor[e]|nochec[k])|@ts-expect-erro[r](?!:? \w)/;
  none(linesThat(escapes, code), 'escapes');
  none(linesThat(/biome-ignor[e](?![^:]*: *\w)/, code), 'biome is silenced without a reason');
});

test('each package and service has a README', () => {
  const folders = files.flatMap((file) => /^(?:packages|services)\/[^/]+/.exec(file) ?? []);
  const missing = [...new Set(folders)].filter((folder) => !files.includes(`${folder}/README.md`));
  none(missing, 'README.md is missing');
});

test('what a package exports as a function has a docstring', () => {
  const bare = modules
    .filter(({ path: file }) => /^packages\/[^/]+\/src\//.test(file) && !isTest(file))
    .flatMap((module) =>
      exportedFunctionsOf(module)
        .filter(({ documented }) => !documented)
        .map(({ name }) => [`${module.path} ${name}`, 1] as const),
    );
  none(ratchetFaults(Object.fromEntries(bare), exceptionsTo('undocumented')), 'no docstring');
});

test('a decision of a service is named verb-noun', () => {
  const named = (file: string): boolean => {
    const [verb, ...noun] = path
      .basename(file, '.ts')
      .replace(/\.test$/, '')
      .split('-');
    return VERBS.has(verb ?? '') && noun.length > 0;
  };
  const wrong = files
    .filter((file) => /^services\/[^/]+\/src\/[^/]+\.ts$/.test(file))
    .filter((file) => !/\/(?:main|index|config)(?:\.test)?\.ts$/.test(file) && !named(file))
    .map((file) => [file, 1] as const);
  none(ratchetFaults(Object.fromEntries(wrong), exceptionsTo('names')), 'not verb-noun');
});

// A file of one word is a part that statements share.
test('a statement is a function named as its file', () => {
  const wrong = modules.filter((module) => {
    if (!module.path.startsWith('packages/store/src/statements/')) return false;
    const name = path.basename(module.path, '.ts').replace(/-(\w)/g, (_, c) => c.toUpperCase());
    if (isTest(module.path) || !path.basename(module.path).includes('-')) return false;
    return !exportedFunctionsOf(module).some((exported) => exported.name === name);
  });
  none(
    wrong.map(({ path: file }) => file),
    'no function of the name of the file',
  );
});

test('the lockfile names no place to download from', () => {
  none(
    linesThat(/"resolved": *"http/, [
      { file: 'package-lock.json', text: readText(tree, 'package-lock.json') },
    ]),
    'addresses',
  );
});

test('exceptions only become fewer', () => {
  const count = RATCHETS.flatMap((ratchet) => Object.keys(exceptionsTo(ratchet))).length;
  assert.equal(count, EXCEPTIONS_MAX, 'EXCEPTIONS_MAX in ratchet.ts is the number of exceptions');
});
