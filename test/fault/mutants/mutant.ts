import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** What a scene of an exam provokes. */
export const SCENES = [
  'flow',
  'breakages',
  'crash',
  'expiry',
  'purge',
  'strangers',
  'relapse',
  'overtaken',
  'listed',
  'turns',
  'targets',
  'reach',
] as const;
export type SceneName = (typeof SCENES)[number];

/** One change of the product's text. */
export type Patch = { readonly file: string; readonly find: string; readonly put: string };

/** A seeded defect, and the scenes that would show it. */
export type Mutant = {
  readonly name: string;
  readonly scenes: readonly SceneName[];
  readonly patches: readonly Patch[];
};

const STATEMENTS = 'packages/store/src/statements';

/** A patch of a file of the store's statements. */
export const inStatement = (name: string, find: string, put: string): Patch => ({
  ...{ file: `${STATEMENTS}/${name}.ts`, find, put },
});

/** How often what a patch looks for stands in the tree at `tree`: once, where it fits. */
export const countPlaces = (tree: string, { file, find }: Patch): number =>
  readFileSync(path.join(tree, file), 'utf8').split(find).length - 1;

/**
 * Puts a defect into the tree at `tree`. @returns what takes it out again.
 * @throws TypeError where a patch does not fit in exactly one place.
 */
export const seed = (tree: string, { name, patches }: Mutant): (() => void) => {
  const before = new Map<string, string>();
  const undo = (): void => {
    for (const [file, text] of before) writeFileSync(file, text);
  };
  for (const patch of patches) {
    const places = countPlaces(tree, patch);
    if (places !== 1) {
      undo();
      throw new TypeError(`${name} fits ${places} places of ${patch.file}`);
    }
    const file = path.join(tree, patch.file);
    const text = readFileSync(file, 'utf8');
    if (!before.has(file)) before.set(file, text);
    writeFileSync(
      file,
      text.replace(patch.find, () => patch.put),
    );
  }
  return undo;
};
