/** Writes docs/errors.md from the table of errors. Run it: `node test/docs/write-errors-doc.ts`. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ERRORS } from '@switchyard/contracts';
import { REPOSITORY } from '../check/list-files.ts';

const HEAD = `# Errors

Every refusal is a JSON body as RFC 9457 has it (\`application/problem+json\`): \`type\`, \`title\`,
\`status\`, \`detail\`, and beside them the stable \`code\` below and \`error\`, which repeats
\`detail\` for RunPod's clients. \`detail\` names the field, its bound and what came instead. Rely
on \`code\`, never on the words.

Where the last column says yes, the same request may succeed later: wait for as long as
\`Retry-After\` says, then send it again, with the same \`Idempotency-Key\`.

This file is made from the table in \`packages/contracts/src/errors.ts\` by
\`node test/docs/write-errors-doc.ts\`.
`;

const table = (heads: readonly string[], rows: readonly (readonly string[])[]): string => {
  const widths = heads.map((_, at) =>
    Math.max(...[heads, ...rows].map((row) => row[at]?.length ?? 0)),
  );
  const rule = widths.map((width) => '-'.repeat(width));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |\n`;
  return [heads, rule, ...rows].map(line).join('');
};

/** The page as it should be. */
export const printErrorsDoc = (): string => {
  const entries = Object.entries(ERRORS).map(([code, { status, title, retry }]) => ({
    code,
    status,
    cells: [String(status), `\`${code}\``, title, retry ? 'yes' : 'no'],
  }));
  const rows = entries
    .toSorted((a, b) => a.status - b.status || (a.code < b.code ? -1 : 1))
    .map(({ cells }) => cells);
  return `${HEAD}\n${table(['status', 'code', 'what it says', 'again later'], rows)}`;
};

/** Where the page lies. */
export const ERRORS_DOC = path.join(REPOSITORY, 'docs/errors.md');

if (import.meta.main) await writeFile(ERRORS_DOC, printErrorsDoc());
