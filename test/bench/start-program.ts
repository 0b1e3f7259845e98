import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

/** What a program of `programs/` says to the bench, as JSON. */
export type Said =
  | { readonly kind: 'began' }
  | { readonly kind: 'ready'; readonly inspectorUrl?: string }
  | { readonly kind: 'count'; readonly count: number }
  | { readonly kind: 'report'; readonly report: unknown };

/** A program in a process of its own; disposing it kills it. */
export type Program<Report> = AsyncDisposable & {
  readonly pid: number;
  /** When it was about to begin, on the clock of `performance.now()`. */
  readonly began: Promise<number>;
  readonly ready: Promise<void>;
  /** Of its inspector, when it has one and is ready. */
  readonly inspectorUrl: () => string | undefined;
  /** The last count that it told. */
  readonly count: () => number;
  /** Its report, asked for now or already given. @throws Error when it ends without one. */
  readonly report: () => Promise<Report>;
  /** As `report`, without asking: the program ends by itself. */
  readonly reported: Promise<Report>;
};

export type ProgramSettings = {
  readonly env?: Readonly<Record<string, string>>;
};

/** Starts `programs/NAME.ts` and hands it `plan`. `Report` is what that program reports. */
export const startProgram = <Report>(
  name: string,
  plan: object,
  settings: ProgramSettings = {},
): Program<Report> => {
  const file = path.join(import.meta.dirname, 'programs', `${name}.ts`);
  const child = fork(file, [], {
    execArgv: [],
    env: { PATH: process.env.PATH ?? '', ...settings.env },
    stdio: ['pipe', 'ignore', 'inherit', 'ipc'],
  });
  // One with thousands of paths is too long for an argument.
  child.stdin?.on('error', () => undefined).end(JSON.stringify(plan));
  const exited = once(child, 'exit');
  const began = Promise.withResolvers<number>();
  const ready = Promise.withResolvers<void>();
  const reported = Promise.withResolvers<Report>();
  let count = 0;
  let inspectorUrl: string | undefined;
  child.on('message', (text) => {
    const said: Said = JSON.parse(String(text));
    if (said.kind === 'began') began.resolve(performance.now());
    else if (said.kind === 'ready') {
      inspectorUrl = said.inspectorUrl;
      ready.resolve();
    } else if (said.kind === 'count') count = said.count;
    else reported.resolve(said.report as Report);
  });
  child.once('exit', (code, signal) => {
    const early = new Error(`${name} ended with ${code ?? signal}`);
    for (const one of [began, ready, reported]) one.reject(early);
  });
  // Whoever awaits one hears of a failure; until then it is no reason to end the bench.
  for (const { promise } of [began, ready, reported]) {
    const settled: Promise<unknown> = promise;
    settled.catch(() => undefined);
  }
  return {
    pid: child.pid ?? 0,
    began: began.promise,
    ready: ready.promise,
    reported: reported.promise,
    count: () => count,
    inspectorUrl: () => inspectorUrl,
    report: () => {
      if (child.connected) child.send('report');
      return reported.promise;
    },
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await exited;
    },
  };
};
