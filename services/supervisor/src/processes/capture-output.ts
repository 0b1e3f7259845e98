import { StringDecoder } from 'node:string_decoder';

/** A longer line is cut, in characters. */
const LINE_MAX = 4_096;
/** As much of the end is kept for the report of an exit. */
const KEPT_LINES = 20;
/** More lines than this a second are counted, not logged. */
const LINES_MAX_PER_S = 200;
const PERIOD_MS = 1_000;
/** A worker that prints its environment must not put its token into our log. */
const TOKEN = /\bsy_[0-9a-f]{16}_[A-Za-z0-9_-]{43}/g;

export type Output = {
  /** Takes what one stream of the process wrote; lines of several streams stay whole. */
  open(): { write(chunk: Buffer): void; end(): void };
  lastLines(): readonly string[];
};

/**
 * Turns the output of a process into log lines: cut when long, few when there are too many, without
 * tokens. The output is always read, so that a chatty worker is never held up by its log.
 * @param tell is called with each line that is to be logged.
 */
export const captureOutput = (tell: (line: string) => void): Output => {
  const kept: string[] = [];
  const hurry = createLimit(tell);
  const add = (text: string, isCut: boolean): void => {
    const line = `${text.replace(/\r$/, '').replaceAll(TOKEN, 'sy_…')}${isCut ? '…' : ''}`;
    kept.push(line);
    if (kept.length > KEPT_LINES) kept.shift();
    hurry(line);
  };
  return { open: () => splitLines(add), lastLines: () => [...kept] };
};

const splitLines = (add: (text: string, isCut: boolean) => void) => {
  const decoder = new StringDecoder('utf8');
  let begun = '';
  let isCut = false;
  const grow = (text: string): void => {
    const room = LINE_MAX - begun.length;
    begun += text.slice(0, room);
    isCut ||= text.length > room;
  };
  const finish = (): void => {
    add(begun, isCut);
    begun = '';
    isCut = false;
  };
  return {
    write: (chunk: Buffer): void => {
      const parts = decoder.write(chunk).split('\n');
      parts.forEach((part, index) => {
        grow(part);
        if (index < parts.length - 1) finish();
      });
    },
    end: (): void => {
      grow(decoder.end());
      if (begun !== '') finish();
    },
  };
};

const createLimit = (tell: (line: string) => void) => {
  let sinceMs = Number.NEGATIVE_INFINITY;
  let told = 0;
  let left = 0;
  return (line: string): void => {
    const nowMs = performance.now();
    if (nowMs - sinceMs >= PERIOD_MS) {
      if (left > 0) tell(`… ${left} more lines`);
      sinceMs = nowMs;
      told = 0;
      left = 0;
    }
    told += 1;
    if (told <= LINES_MAX_PER_S) tell(line);
    else left += 1;
  };
};
