import { once } from 'node:events';
import net from 'node:net';
import { freePort } from '../../support/free-port.ts';
import type { Cell, Checks } from '../support/checks.ts';
import { runningIn } from './clone.ts';
import { type Ended, runIn, type Shell, type Variables } from './shell.ts';

type Refusal = {
  readonly name: string;
  readonly set: Variables;
  /** What each line says, in no order. */
  readonly lines: readonly RegExp[];
};

const COMMANDS = [
  ['npx', 'switchyard', 'up'],
  ['npm', 'start'],
] as const;
const WAIT_MS = 60_000;
const USAGE = 2;

const refusalsFor = (taken: string, free: string): readonly Refusal[] => {
  const inUse = new RegExp(`\\b${taken}\\b.* in use`);
  const bad = (name: string, value: string) => new RegExp(`\\b${name} must be .*"${value}"`);
  return [
    { name: 'PORT in use', set: { PORT: taken, WORKER_PORT: free }, lines: [inUse] },
    { name: 'WORKER_PORT in use', set: { PORT: free, WORKER_PORT: taken }, lines: [inUse] },
    {
      name: 'one port for both',
      set: { PORT: free, WORKER_PORT: free },
      lines: [new RegExp(`\\b${free}\\b`)],
    },
    { name: 'PORT=abc', set: { PORT: 'abc' }, lines: [bad('PORT', 'abc')] },
    { name: 'PORT=70000', set: { PORT: '70000' }, lines: [bad('PORT', '70000')] },
    { name: 'PORT=-1', set: { PORT: '-1' }, lines: [bad('PORT', '-1')] },
    {
      name: 'two bad values at once',
      set: { PORT: 'abc', WORKER_PORT: '70000' },
      lines: [bad('PORT', 'abc'), bad('WORKER_PORT', '70000')],
    },
  ];
};

/** What npm itself adds below a command that failed. */
const isOfNpm = (line: string): boolean => /^npm (?:error|ERR!|warn|notice)\b/.test(line);

const faultOf = ({ lines }: Refusal, { exitCode, stderr, stdout }: Ended): string | undefined => {
  const said = stderr.split('\n').filter((line) => line.trim() !== '' && !isOfNpm(line));
  const all = `exit code ${exitCode}; stderr: ${stderr.slice(-1_500)}`;
  if (exitCode !== USAGE) return all;
  if (said.length !== lines.length) return `${said.length} lines, not ${lines.length}; ${all}`;
  if (!lines.every((line) => said.some((text) => line.test(text)))) return `not clear; ${all}`;
  if (/^\s+at .+:\d+/m.test(stderr + stdout)) return `a stack: ${stdout.slice(-1_500)}`;
  return undefined;
};

/** Starts that cannot be, each by `npx switchyard up` and by `npm start`; nothing may be left. */
export const judgeRefusals = async (checks: Checks, name: string, shell: Shell): Promise<void> => {
  const holder = net.createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const address = holder.address();
  const taken = typeof address === 'object' ? String(address?.port) : '';
  const cells: Cell[] = [];
  for (const refusal of refusalsFor(taken, String(await freePort()))) {
    for (const command of COMMANDS) {
      const ended = await runIn(shell, command, { waitMs: WAIT_MS, set: refusal.set });
      const left = runningIn(shell.folder).all.map(({ command: text }) => text);
      const stays = left.length > 0 ? `left: ${left.join(', ')}` : undefined;
      const fault = faultOf(refusal, ended) ?? stays;
      cells.push({ name: `${refusal.name}: ${command.join(' ')}`, fault });
    }
  }
  holder.close();
  checks.table(`${name}: one clear line for each problem, and exit code ${USAGE}`, cells);
};
