import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { ERRORS } from '@switchyard/contracts';
import { ERRORS_DOC, printErrorsDoc } from './write-errors-doc.ts';

test('docs/errors.md is what the table of errors says', async () => {
  const page = await readFile(ERRORS_DOC, 'utf8');
  assert.equal(page, printErrorsDoc(), 'run node test/docs/write-errors-doc.ts');
  for (const code of Object.keys(ERRORS)) assert(page.includes(`\`${code}\``), code);
});
