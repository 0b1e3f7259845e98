import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';

/** Unless the loop has a bound of its own. */
const BACK_OFF_MAX_MS = 5_000;
const BACK_OFF_MIN_MS = 100;
/** Beyond it Node's timers fire at once. */
const TIMER_MAX_MS = 2_147_483_647;

export type LoopOptions = {
  /** For logs and metrics. */
  readonly name: string;
  /** From the end of one run to the start of the next. */
  readonly everyMs: number;
  /** The longest pause after a failure, in ms. Default 5,000. */
  readonly backOffMaxMs?: number;
  /** One look at what there is to do. The signal aborts when the loop is to stop. */
  readonly run: (signal: AbortSignal) => Promise<void>;
  readonly log: Log;
  readonly metrics?: Metrics;
  /** Called once with what wakes the loop, so that a subscription to hints can be made of it. */
  readonly wake?: (wake: () => void) => void;
};

export type Loop = {
  /**
   * Makes the next run start now, or right after the one under way; many calls make one run. While
   * the loop backs off after a failure it waits for that to end, so that hints do not storm a
   * database that is away.
   */
  readonly wake: () => void;
  /** Aborts the signal and resolves when the run under way has ended. Idempotent. */
  readonly stop: () => Promise<void>;
};

/**
 * Runs at once, and again `everyMs` after each run's end. A run that fails is tried again after a
 * pause that doubles from `everyMs` up to `backOffMaxMs`; its error is logged when its message is a
 * new one, and so is the recovery. Waiting is by the monotonic clock, so that clock steps change
 * nothing.
 */
export const startLoop = (options: LoopOptions): Loop => {
  const { name, everyMs, backOffMaxMs = BACK_OFF_MAX_MS, run, log } = options;
  if (!(everyMs >= 0 && everyMs <= TIMER_MAX_MS)) {
    throw new RangeError(`everyMs of the loop ${name} must be 0 to ${TIMER_MAX_MS}.`);
  }
  const stopping = new AbortController();
  const observe = observeRuns(options);
  const alarm = createAlarm(stopping.signal);
  let failures = 0;
  let lastMessage: string | undefined;

  const runOnce = async (): Promise<void> => {
    const startedAt = performance.now();
    try {
      await run(stopping.signal);
      if (failures > 0) log.info({ loop: name, failures }, 'The loop works again');
      failures = 0;
      lastMessage = undefined;
      observe((performance.now() - startedAt) / 1_000, true);
    } catch (error) {
      // A run that was told to stop may well end with the signal's own error.
      if (stopping.signal.aborted) return;
      failures += 1;
      observe((performance.now() - startedAt) / 1_000, false);
      const message = error instanceof Error ? error.message : String(error);
      if (message !== lastMessage) log.error({ loop: name, err: error }, 'The loop failed');
      lastMessage = message;
    }
  };

  const runAll = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await runOnce();
      if (failures > 0) await alarm.pause(backOffMs(everyMs, backOffMaxMs, failures));
      else await alarm.pauseOrWake(everyMs);
    }
  };

  const ended = runAll();
  options.wake?.(alarm.wake);
  return {
    wake: alarm.wake,
    stop: () => {
      stopping.abort();
      return ended;
    },
  };
};

const backOffMs = (everyMs: number, mostMs: number, failures: number): number =>
  Math.min(mostMs, Math.max(everyMs, BACK_OFF_MIN_MS) * 2 ** Math.min(failures - 1, 10));

/** Pauses that `stop` ends; one kind ends by `wake` as well, also by one that came before it. */
const createAlarm = (stop: AbortSignal) => {
  let woken = false;
  let ring: (() => void) | undefined;

  const pause = (ms: number, endsByWake: boolean): Promise<void> =>
    new Promise((resolve) => {
      if (stop.aborted || (endsByWake && woken)) {
        woken = false;
        resolve();
        return;
      }
      const end = (): void => {
        clearTimeout(timer);
        stop.removeEventListener('abort', end);
        ring = undefined;
        woken = false;
        resolve();
      };
      const timer = setTimeout(end, ms);
      stop.addEventListener('abort', end);
      if (endsByWake) ring = end;
    });

  return {
    wake: (): void => {
      woken = true;
      ring?.();
    },
    pause: (ms: number) => pause(ms, false),
    pauseOrWake: (ms: number) => pause(ms, true),
  };
};

const observeRuns = ({ name, metrics }: LoopOptions) => {
  const seconds = metrics?.histogram('switchyard_loop_seconds', 'Duration of a run.', ['loop']);
  const failed = metrics?.counter('switchyard_loop_failures_total', 'Failed runs.', ['loop']);
  return (tookSeconds: number, isGood: boolean): void => {
    seconds?.observe(tookSeconds, { loop: name });
    if (!isGood) failed?.add(1, { loop: name });
  };
};
