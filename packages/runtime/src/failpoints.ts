/**
 * Named points at every await that crosses a process, where tests make a service crash, fail or
 * wait. They are there only while SWITCHYARD_FAILPOINTS is set: without it nothing is wrapped.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { FAILPOINT_MODES, type FailpointMode } from './failpoints/armed.ts';
import { parseArmed } from './failpoints/parse-armed.ts';
import { createTally, openArms } from './failpoints/read-arms.ts';

export { FAILPOINT_MODES, type FailpointMode };

export interface Failpoints {
  /**
   * Does `work` by way of the point `name`. `failed` makes what a call of this kind throws, or
   * gives, when the other side did not answer.
   */
  around<Result>(
    name: string,
    work: () => Promise<Result>,
    failed: () => Result | Promise<Result>,
  ): Promise<Result>;
  /**
   * The same for what is sent and not waited for: failing, it is not sent; `lost` is as fine.
   * @returns whether it was sent, or will be.
   */
  send(name: string, work: () => void): boolean;
}

/**
 * Opens what `spec` arms: `POINT=MODE[:MS][@N|@*]`, several with semicolons between them, or the
 * absolute path of a file that holds such text. The file is read at each pass, so that a test arms
 * and disarms a service that runs; what strikes is appended to the file of that name with `.hits`,
 * and strikes once in all processes that share it, unless it is armed with `@*`.
 * @throws TypeError when what `spec` says in itself cannot be read.
 */
export const openFailpoints = (spec: string): Failpoints => {
  const arms = spec.startsWith('/') ? openArms(spec) : createTally(parseArmed(spec));
  return {
    around: async (name, work, failed) => {
      const armed = arms.strike(name);
      if (armed === undefined) return work();
      switch (armed.mode) {
        case 'crash-before':
          return crash();
        case 'crash-after':
          await work();
          return crash();
        case 'error':
          return failed();
        case 'lost':
          await work();
          return failed();
        case 'delay':
          await pause(armed.delayMs);
          return work();
        default:
          throw new TypeError(`no such mode: ${armed.mode satisfies never}`);
      }
    },
    send: (name, work) => {
      const armed = arms.strike(name);
      if (armed?.mode === 'crash-before') crash();
      if (armed?.mode === 'error') return false;
      if (armed?.mode === 'delay') setTimeout(work, armed.delayMs);
      else work();
      if (armed?.mode === 'crash-after') crash();
      return true;
    },
  };
};

/** What was begun before is left as it stands, as by a power cut. */
const crash = (): never => {
  process.kill(process.pid, 'SIGKILL');
  // Nothing may happen between the signal and the end.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  throw new Error('the process outlived its end');
};
