/** A small disk of its own for a server that is to run out of space. */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';

export type SmallDisk = Disposable & {
  readonly folder: string;
  /** Takes all the space that is left. */
  readonly fill: () => void;
  readonly free: () => void;
};

const PIECE = Buffer.alloc(1_048_576);

/** Mounts a tmpfs of `mib` at `folder`; undefined where this user may not mount. */
export const mountSmallDisk = (folder: string, mib: number): SmallDisk | undefined => {
  if (process.getuid?.() !== 0) return undefined;
  mkdirSync(folder, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mib}m,mode=0755`, 'tmpfs', folder]);
  const filler = path.join(folder, 'filler');
  const unmount = (): void => void execFileSync('umount', ['--lazy', folder]);
  process.once('exit', unmount);
  return {
    folder,
    fill: () => {
      const descriptor = openSync(filler, 'w');
      try {
        for (;;) writeSync(descriptor, PIECE);
      } catch {
        // No space is left: that is what was wanted.
      } finally {
        closeSync(descriptor);
      }
    },
    free: () => rmSync(filler, { force: true }),
    [Symbol.dispose]: () => {
      process.off('exit', unmount);
      unmount();
    },
  };
};
