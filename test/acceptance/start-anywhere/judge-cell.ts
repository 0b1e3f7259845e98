import type { Checks } from '../support/checks.ts';
import { changedIn } from './clone.ts';
import { END_MAX_MS, type OneStart, READY_MAX_MS, startOnce } from './one-start.ts';
import { runIn, type Shell } from './shell.ts';

const INSTALL_MAX_MS = 300_000;
const QUESTION_MAX_MS = 30_000;
const UNKNOWN = 'SWITCHYARD_FOO';

const seconds = (ms: number | undefined): string =>
  ms === undefined ? 'never' : `${(ms / 1_000).toFixed(2)} s`;

/** Whether `answer` is the job of the demo, completed, with its input given back. */
const isEcho = (answer: string): boolean => {
  try {
    const job: unknown = JSON.parse(answer);
    if (typeof job !== 'object' || job === null) return false;
    if (!('status' in job) || !('output' in job)) return false;
    return job.status === 'COMPLETED' && JSON.stringify(job.output) === '{"hello":"world"}';
  } catch {
    return false;
  }
};

/** Installs by `npm ci`. @returns whether that worked, without which nothing else can. */
export const judgeInstall = async (
  checks: Checks,
  name: string,
  shell: Shell,
): Promise<boolean> => {
  const ask = (...command: [string, ...string[]]) =>
    runIn(shell, command, { waitMs: QUESTION_MAX_MS });
  const npm = (await ask('npm', '--version')).stdout.trim();
  const node = (await ask('node', '--version')).stdout.trim();
  const startedMs = performance.now();
  const installed = await runIn(shell, ['npm', 'ci'], { waitMs: INSTALL_MAX_MS });
  const took = seconds(performance.now() - startedMs);
  const isGood = installed.exitCode === 0;
  const trouble = isGood ? '' : `\n${installed.stderr.slice(-2_000)}`;
  const whose = `npm ${npm} on Node ${node}, ${took}: exit code ${installed.exitCode}${trouble}`;
  checks.check(isGood, `${name}: npm ci`, whose, 0);
  if (!isGood) return false;
  const own = (await ask('npx', 'node', '--version')).stdout.trim();
  checks.check(/^v24\./.test(own), `${name}: npx node --version`, own, 'v24');
  return true;
};

const judgeStart = (checks: Checks, name: string, start: OneStart): void => {
  const { readyMs, printed, curl, demo, before, endMs, left } = start;
  const isQuick = readyMs !== undefined && readyMs <= READY_MAX_MS;
  const trouble = readyMs === undefined ? `\n${printed.stdout}${printed.stderr}`.slice(-3_000) : '';
  checks.check(
    isQuick,
    `${name}: ready after`,
    `${seconds(readyMs)}${trouble}`,
    `at most ${READY_MAX_MS / 1_000} s`,
  );
  checks.check(isEcho(demo), `${name}: the job of the demo`, demo || 'none', 'COMPLETED, the echo');
  checks.check(
    isEcho(curl.answer),
    `${name}: the curl line as pasted`,
    curl.line === undefined ? 'no line' : curl.answer,
    'COMPLETED, the echo',
  );
  checks.check(
    before.postgres > 0 && before.workers > 0 && endMs !== undefined,
    `${name}: Ctrl-C ends ${before.postgres} of Postgres and ${before.workers} workers`,
    `${seconds(endMs)}${left.map((one) => `\n       left: ${one}`).join('')}`,
    `all within ${END_MAX_MS / 1_000} s`,
  );
};

/** Starts a fresh install twice: the second start does not show the key again. */
export const judgeStarts = async (checks: Checks, name: string, shell: Shell): Promise<void> => {
  const first = await startOnce(shell, {});
  judgeStart(checks, `${name}: first start`, first);
  const second = await startOnce(shell, { [UNKNOWN]: 'x' });
  judgeStart(checks, `${name}: second start`, second);
  const tellShown = ({ showsKey }: OneStart) => (showsKey ? 'shown' : 'not shown');
  checks.check(
    first.showsKey && !second.showsKey,
    `${name}: the API key`,
    `${tellShown(first)}, then ${tellShown(second)}`,
    'shown once',
  );
  const { stdout, stderr } = second.printed;
  const told = `${stdout}${stderr}`.split('\n').filter((line) => line.includes(UNKNOWN));
  checks.check(
    told.length === 1,
    `${name}: ${UNKNOWN} is reported`,
    `${told.length} lines: ${told.join(' ')}`,
    '1 line',
  );
  const changed = changedIn(shell.folder);
  checks.check(changed.length === 0, `${name}: files git sees changed`, changed.join() || '0', 0);
};
