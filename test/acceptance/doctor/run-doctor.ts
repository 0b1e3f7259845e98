import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { REPOSITORY } from '../../support/start-switchyard.ts';

export type Ran = { readonly exitCode: number | null; readonly text: string };

/** What the doctor printed; of each warning and error its code, line and remedy. */
export type Diagnosis = Ran & {
  readonly found: readonly {
    readonly code: string;
    readonly line: string;
    readonly remedy: string;
  }[];
};

const COMMAND_MAX_MS = 120_000;

/** Runs `npx switchyard …` in the repository, as a person does, behind `prefix`. */
export const runSwitchyard = async (
  command: readonly string[],
  env: Readonly<Record<string, string>>,
  prefix: readonly string[] = [],
): Promise<Ran> => {
  const [program = '', ...args] = [...prefix, 'npx', '--no-install', 'switchyard', ...command];
  const child = spawn(program, args, {
    cwd: REPOSITORY,
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: COMMAND_MAX_MS,
  });
  const parts: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (part: Buffer) => parts.push(part));
  }
  await once(child, 'close');
  return { exitCode: child.exitCode, text: Buffer.concat(parts).toString('utf8') };
};

/** The findings in the text that `switchyard doctor` prints. */
export const diagnosisIn = (ran: Ran): Diagnosis => {
  const lines = ran.text.split('\n');
  const found = lines.flatMap((line, at) => {
    const code = /^(?:error|warning) .*\(([\w.]+)\)$/.exec(line)?.[1];
    if (code === undefined) return [];
    const remedy = /^ +→ (.+)$/.exec(lines[at + 1] ?? '')?.[1] ?? '';
    return [{ code, line: line.replace(/ +/g, ' '), remedy }];
  });
  return { ...ran, found };
};
