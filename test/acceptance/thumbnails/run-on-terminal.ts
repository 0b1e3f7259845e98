import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Part of util-linux: gives a command a terminal of its own. */
const SCRIPT = 'script';

export type Session = { readonly exitCode: number | null; readonly text: string };

/**
 * Runs a command of the shell on a terminal of its own, so that it does what it does for a
 * person. @returns all that the terminal was sent, control characters included.
 */
export const runOnTerminal = async (
  command: string,
  options: {
    readonly cwd: string;
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly waitMs: number;
  },
): Promise<Session> => {
  // Wide enough that a bar fits: a terminal without a window reports no columns at all.
  const sized = `stty cols 120 rows 40; ${command}`;
  const child = spawn(SCRIPT, ['--quiet', '--return', '--command', sized, '/dev/null'], {
    cwd: options.cwd,
    env: { ...options.env, TERM: 'xterm-256color', SHELL: '/bin/sh' },
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: options.waitMs,
  });
  const parts: Buffer[] = [];
  child.stdout.on('data', (part: Buffer) => parts.push(part));
  await once(child, 'close');
  return { exitCode: child.exitCode, text: Buffer.concat(parts).toString('utf8') };
};
