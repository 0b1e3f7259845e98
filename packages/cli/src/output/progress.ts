import { SingleBar } from 'cli-progress';
import { note } from './print.ts';

/** How far a command is: a bar on a terminal, else a line each second in which it went on. */
export type Progress = {
  set(value: number, remark?: string): void;
  setTotal(total: number): void;
  /** Shows the last state. Idempotent. */
  end(): void;
};

const LINE_EVERY_MS = 1_000;
const BAR_COLUMNS = 30;

/** Shows progress on standard error, so that standard output holds results alone. */
export const openProgress = (label: string, total: number): Progress =>
  process.stderr.isTTY ? openBar(label, total) : openLines(label, total);

const openBar = (label: string, total: number): Progress => {
  const bar = new SingleBar({
    format: `${label} [{bar}] {value}/{total}  {remark}`,
    stream: process.stderr,
    barsize: BAR_COLUMNS,
    barCompleteChar: '#',
    barIncompleteChar: '-',
    // Signals are heard by the command, which ends the bar.
    gracefulExit: false,
  });
  bar.start(total, 0, { remark: '' });
  return {
    set: (value, remark = '') => bar.update(value, { remark }),
    setTotal: (grown) => bar.setTotal(grown),
    end: () => bar.stop(),
  };
};

const openLines = (label: string, total: number): Progress => {
  const state = { value: 0, total, remark: '', shown: '' };
  const show = (): void => {
    const line = `${label} ${state.value}/${state.total} ${state.remark}`.trimEnd();
    if (line !== state.shown) note(line);
    state.shown = line;
  };
  const timer = setInterval(show, LINE_EVERY_MS).unref();
  return {
    set: (value, remark = '') => Object.assign(state, { value, remark }),
    setTotal: (grown) => Object.assign(state, { total: grown }),
    end: () => {
      clearInterval(timer);
      show();
    },
  };
};
