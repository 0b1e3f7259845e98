import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { PostingPlan, PostingReport } from './posting-plan.ts';

const PROGRAM = fileURLToPath(new URL('./post-jobs.ts', import.meta.url));

export type Posting = AsyncDisposable & {
  /** Whether the client has ended. */
  readonly isOver: () => boolean;
  /** Has it begin no more posts; the report comes soon. */
  readonly finish: () => void;
  /** @throws Error when the client fails. */
  readonly report: Promise<PostingReport>;
};

/** Starts the client of `plan` as a process of its own. */
export const startPosting = (plan: PostingPlan): Posting => {
  const child = spawn(process.execPath, [PROGRAM, JSON.stringify(plan)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const read = async (): Promise<PostingReport> => {
    const printed = await text(child.stdout);
    await exited;
    if (child.exitCode !== 0) throw new Error(`the client ended with ${child.exitCode}`);
    const report: PostingReport = JSON.parse(printed);
    return report;
  };
  const report = read();
  // Whoever awaits it hears of a failure; until then it is no reason to end the program.
  report.catch(() => undefined);
  return {
    isOver: () => child.exitCode !== null || child.signalCode !== null,
    finish: () => child.kill('SIGTERM'),
    report,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
};

/** The acknowledged jobs in the client's file: the id of each by its number. */
export const readAcknowledged = (file: string): ReadonlyMap<number, string> =>
  new Map(
    readFileSync(file, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line): [number, string] => {
        const [n = '', id = ''] = line.split(' ');
        return [Number(n), id];
      }),
  );
