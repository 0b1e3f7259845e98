import { chmod, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { judge } from './judge.ts';
import type { Patient } from './seed.ts';

const seedDataDirectory = async ({ checks, examine, folder }: Patient): Promise<void> => {
  const closed = path.join(folder, 'closed');
  await mkdir(closed);
  await chmod(closed, 0o555);
  // Root may write everywhere, unless it gives that right away.
  const capabilities = '-dac_override,-dac_read_search';
  const prefix =
    process.getuid?.() === 0 ? ['setpriv', `--bounding-set=${capabilities}`, '--'] : [];
  const code = 'data_directory.unwritable';
  const env = { SWITCHYARD_DATA_DIR: closed };
  judge(checks, 'unwritable data directory', await examine(env, prefix), [code]);
  const file = path.join(folder, 'file');
  await writeFile(file, '');
  const inFile = await examine({ SWITCHYARD_DATA_DIR: path.join(file, 'data') });
  judge(checks, 'data directory inside of a file', inFile, [code]);
  const open = path.join(folder, 'open');
  await mkdir(open);
  await writeFile(path.join(open, 'secrets.json'), '{"apiKey":"0123456789abcdef","masterKeys":[]}');
  await chmod(path.join(open, 'secrets.json'), 0o644);
  const damaged = await examine({ SWITCHYARD_DATA_DIR: open });
  judge(checks, 'damaged secrets that all may read', damaged, [
    'secrets.open',
    'secrets.unreadable',
  ]);
};

const seedTemplate = async ({ checks, examine, folder }: Patient): Promise<void> => {
  const file = path.join(folder, 'seeded.yaml');
  const env = { SWITCHYARD_CONFIG: file };
  await writeFile(path.join(folder, 'plain.sh'), '#!/bin/sh\n', { mode: 0o644 });
  const mistakes: readonly [string, string, string][] = [
    ['template without command', '{ cwd: . }', 'file.invalid'],
    [
      'template whose program is not there',
      '{ command: [no-such-program] }',
      'template.no_command',
    ],
    ['template whose program may not run', '{ command: [./plain.sh] }', 'template.no_command'],
    [
      'template in a folder that is not there',
      '{ command: [node], cwd: gone }',
      'template.no_command',
    ],
  ];
  for (const [name, template, code] of mistakes) {
    await writeFile(file, `workerTemplates: { echo: ${template} }\n`);
    judge(checks, name, await examine(env), [code]);
  }
};

/** Mistakes in files and folders. */
export const seedFiles = async (patient: Patient): Promise<void> => {
  await seedDataDirectory(patient);
  await seedTemplate(patient);
};
