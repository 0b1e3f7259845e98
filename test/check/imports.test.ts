import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { checkImports, type ImportReport } from './imports.ts';

const CLEAN = {
  'tsconfig.json': '{ "include": ["packages/*/src", "services/*/src", "test"] }',
  'packages/contracts/package.json': '{ "name": "@switchyard/contracts" }',
  'packages/contracts/src/index.ts': "export * from './ids.ts';",
  'packages/contracts/src/ids.ts': 'export type Id = string;',
  'packages/store/package.json': '{ "name": "@switchyard/store" }',
  'packages/store/src/index.ts': "export * from './statements/take-job.ts';",
  'packages/store/src/statements/take-job.ts':
    "import { sql } from 'kysely'; export const takeJob = () => sql`select 1 from jobs`;",
  'services/intake/package.json': '{ "name": "@switchyard/intake" }',
  'services/intake/src/main.ts': "import './http/serve-http.ts';",
  'services/intake/src/http/serve-http.ts': "import '../accept-jobs.ts'; import './answer.ts';",
  'services/intake/src/http/answer.ts': "import type { Id } from '@switchyard/contracts';",
  'services/intake/src/accept-jobs.ts': "import { readFile } from 'node:fs/promises';",
};

const check = (changes: Readonly<Record<string, string>>): ImportReport => {
  const root = mkdtempSync(path.join(tmpdir(), 'imports check '));
  try {
    for (const [file, text] of Object.entries({ ...CLEAN, ...changes })) {
      mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
      writeFileSync(path.join(root, file), text);
    }
    return checkImports(root);
  } finally {
    rmSync(root, { recursive: true });
  }
};

test('a tree that keeps the rules has no fault and is read whole', () => {
  assert.deepEqual(check({}), { modules: 8, sourceFiles: 8, imports: 8, faults: [] });
});

test('a source file that tsconfig.json leaves out is a fault', () => {
  const { modules, sourceFiles, faults } = check({
    'packages/store/scripts/make.ts': 'export {};',
  });
  assert.deepEqual([modules, sourceFiles], [8, 9]);
  assert.match(faults[0] ?? '', /^packages\/store\/scripts\/make\.ts:1 is not read/);
});

const IDS = 'packages/contracts/src/ids.ts';
const DECISION = 'services/intake/src/accept-jobs.ts';
const STATEMENT = 'packages/store/src/statements/take-job.ts';

const BREAKS: readonly (readonly [name: string, file: string, text: string, fault: RegExp])[] = [
  ['a cycle', IDS, "export * from './index.ts';", /cycle: .*ids\.ts → .*index\.ts → .*ids\.ts/],
  ['a cycle of types', IDS, "import type { A } from './index.ts';", /is in a cycle/],
  ['a cycle of packages', IDS, "import '@switchyard/contracts';", /is in a cycle/],
  ['a file that is not there', IDS, "import './gone.ts';", /gone\.ts, which does not exist/],
  ['a package that is not there', IDS, "import '@switchyard/gone';", /no workspace is named/],
  ['a deep import', DECISION, "import '@switchyard/store/src/index.ts';", /only its index/],
  ['a way out', DECISION, "import '../../../packages/store/src/index.ts';", /another package/],
  ['an import of test', DECISION, "import '../../../test/a.ts';", /in another package/],
  ['kysely elsewhere', DECISION, "import { sql } from 'kysely';", /only packages\/store may/],
  ['pg as a type', DECISION, "import type { Pool } from 'pg';", /only packages\/store may/],
  ['pg at run time', DECISION, "export const a = () => import('pg');", /only packages\/store may/],
  ['pg in a type', DECISION, "export type A = import('pg').Pool;", /only packages\/store may/],
  ['nats elsewhere', DECISION, "export * from 'nats';", /only packages\/broker may/],
  ['a door in a decision', DECISION, "import './http/answer.ts';", /a door is imported only by/],
  ['a file read in a statement', STATEMENT, "import 'node:fs';", /a statement holds only SQL/],
  ['sql.raw', STATEMENT, "import { sql } from 'kysely'; sql.raw('x');", /uses sql\.raw/],
  ['a stray statement', DECISION, "export const a = 'DELETE FROM jobs';", /holds SQL/],
];

for (const [name, file, text, fault] of BREAKS) {
  test(`${name} is a fault`, () => {
    const { faults } = check({ [file]: text });
    assert.match(faults.join('\n'), fault);
  });
}
