import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

const BIN = path.join(import.meta.dirname, '../bin/switchyard.mjs');
export const KEY = 'key-of-the-tests-1';

export type Ran = { readonly code: number | null; readonly out: string; readonly err: string };

type RunOptions = {
  readonly url?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly cwd?: string;
};

/** Starts the command as a person would, with nothing of this process's environment. */
export const spawnCli = (args: readonly string[], { url, env, cwd }: RunOptions = {}) =>
  spawn(process.execPath, [BIN, ...args], {
    cwd: cwd ?? import.meta.dirname,
    env: {
      ...(url && { SWITCHYARD_URL: url, SWITCHYARD_API_KEY: KEY }),
      ...env,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: 60_000,
  });

/** Runs the command to its end. */
export const runCli = async (args: readonly string[], options: RunOptions = {}): Promise<Ran> => {
  const child = spawnCli(args, options);
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (part: Buffer) => out.push(part));
  child.stderr.on('data', (part: Buffer) => err.push(part));
  child.stdin.end(options.stdin ?? '');
  await once(child, 'close');
  return { code: child.exitCode, out: String(Buffer.concat(out)), err: String(Buffer.concat(err)) };
};
