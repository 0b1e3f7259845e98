import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../../support/free-port.ts';
import { runningIn } from './clone.ts';
import { type Ended, runIn, type Shell, type Started, signalGroup, startIn } from './shell.ts';

/** What one `npm start` did from the command to the end by Ctrl-C. */
export type OneStart = {
  /** Until it said that it is ready and /readyz agreed; undefined when it did not come to that. */
  readonly readyMs: number | undefined;
  readonly printed: Ended;
  /** The line to paste, and what it gave in a shell that stands elsewhere. */
  readonly curl: { readonly line: string | undefined; readonly answer: string };
  readonly showsKey: boolean;
  /** What the job of the demo gave, as printed. */
  readonly demo: string;
  readonly before: { readonly postgres: number; readonly workers: number };
  /** Undefined when something was left after END_MAX_MS. */
  readonly endMs: number | undefined;
  readonly left: readonly string[];
};

export const READY_MAX_MS = 15_000;
export const END_MAX_MS = 10_000;
const GIVE_UP_MS = 60_000;
const DEMO_MAX_MS = 20_000;
const LOOK_AGAIN_MS = 20;

const isReady = (url: string): Promise<boolean> =>
  fetch(`${url}/readyz`).then(
    ({ status }) => status === 200,
    () => false,
  );

/** Waits until `holds`. @returns how long after `startedMs` in ms; undefined after `maxMs`. */
const timeUntil = async (
  startedMs: number,
  maxMs: number,
  holds: () => boolean | Promise<boolean>,
): Promise<number | undefined> => {
  for (;;) {
    const held = await holds();
    const afterMs = performance.now() - startedMs;
    if (afterMs > maxMs) return undefined;
    if (held) return afterMs;
    await pause(LOOK_AGAIN_MS);
  }
};

/** Ends a start by Ctrl-C, and says how long something of it was left. */
const endByInterrupt = async (start: Started, folder: string) => {
  const startedMs = performance.now();
  signalGroup(start, 'SIGINT');
  const isGone = () => start.child.exitCode !== null || start.child.signalCode !== null;
  const endMs = await timeUntil(
    startedMs,
    END_MAX_MS,
    () => isGone() && runningIn(folder).all.length === 0,
  );
  const left = runningIn(folder).all.map(({ pid, command }) => `${pid} ${command}`);
  if (endMs === undefined) signalGroup(start, 'SIGKILL');
  return { endMs, left };
};

/** Runs `npm start` on free ports, pastes its curl line into a shell, and ends it by Ctrl-C. */
export const startOnce = async (
  shell: Shell,
  set: Readonly<Record<string, string>>,
): Promise<OneStart> => {
  const ports = { PORT: String(await freePort()), WORKER_PORT: String(await freePort()) };
  const url = `http://127.0.0.1:${ports.PORT}`;
  const startedMs = performance.now();
  const start = startIn(shell, ['npm', 'start'], { ...ports, ...set });
  const text = () => start.printed().stdout;
  const isOver = () => start.child.exitCode !== null;
  const saidMs = await timeUntil(
    startedMs,
    GIVE_UP_MS,
    () => isOver() || (text().includes('Switchyard is ready') && isReady(url)),
  );
  const readyMs = isOver() ? undefined : saidMs;
  const demo = /^One job through the HTTP API:\n {2}(.+)\n/m;
  if (readyMs !== undefined) {
    await timeUntil(performance.now(), DEMO_MAX_MS, () => isOver() || demo.test(text()));
  }
  const line = /^Try it:\n {2}(curl .+)$/m.exec(text())?.[1];
  const pasted =
    line === undefined
      ? undefined
      : await runIn({ ...shell, folder: shell.person.home }, ['sh', '-c', line], {
          waitMs: 30_000,
        });
  const before = runningIn(shell.folder);
  const { endMs, left } = await endByInterrupt(start, shell.folder);
  return {
    readyMs,
    printed: await start.ended,
    curl: { line, answer: `${pasted?.stdout ?? ''}${pasted?.stderr ?? ''}`.trim() },
    showsKey: /^ {2}API key {2}\S{16,}$/m.test(text()),
    demo: demo.exec(text())?.[1] ?? '',
    before,
    endMs,
    left,
  };
};
