import { type Dirent, readdirSync } from 'node:fs';
import path from 'node:path';

export const REPOSITORY = path.resolve(import.meta.dirname, '../..');

const PASSED_OVER = new Set(['node_modules', '.git', '.switchyard', '.turbo', 'dist', 'coverage']);

const isKept = (folder: string, entry: Dirent): boolean =>
  !PASSED_OVER.has(entry.name) && !(folder === 'test' && entry.name === 'results');

/** Every file below `root`, sorted; what is installed, generated or git's own is passed over. */
export const listFiles = (root: string, folder = ''): string[] =>
  readdirSync(path.join(root, folder), { withFileTypes: true })
    .filter((entry) => isKept(folder, entry))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const name = path.posix.join(folder, entry.name);
      if (entry.isDirectory()) return listFiles(root, name);
      return entry.isFile() ? [name] : [];
    });

export const isTypeScript = (file: string): boolean => /\.[cm]?tsx?$/.test(file);

export const isTest = (file: string): boolean => /\.test\.tsx?$/.test(file);
