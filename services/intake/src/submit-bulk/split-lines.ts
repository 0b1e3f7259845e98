/** Hears of each line in turn: its bytes without the line's end, or that they are too many. */
export type TakeLine = (line: Buffer | 'tooLong', number: number) => void;

export type LineSplitter = {
  /** Takes the next bytes; lines within them are slices of `chunk`, not copies. */
  readonly push: (chunk: Buffer) => void;
  /** The bytes are over: what stands behind the last line feed is a line too. */
  readonly end: () => void;
};

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * Cuts bytes into lines that end in LF or CRLF, however the bytes come. Lines are counted from 1.
 * Blank ones are counted and not handed on. Of a line of more than `maxBytes` nothing is kept.
 */
export const createLineSplitter = (maxBytes: number, take: TakeLine): LineSplitter => {
  let number = 0;
  /** What came of the line so far, and how much, of which nothing is kept beyond the bound. */
  let begun: Buffer[] = [];
  let begunBytes = 0;

  const begin = (part: Buffer): void => {
    begunBytes += part.length;
    // One more than the bound, for the CR that may stand at the end.
    if (begunBytes > maxBytes + 1) begun = [];
    else if (part.length > 0) begun.push(part);
  };

  const finish = (last: Buffer): void => {
    number += 1;
    const bytes = begunBytes + last.length;
    const isOne = begunBytes === 0;
    begin(last);
    const raw = isOne ? last : Buffer.concat(begun);
    begun = [];
    begunBytes = 0;
    const line = raw.at(-1) === CARRIAGE_RETURN ? raw.subarray(0, -1) : raw;
    if (bytes > maxBytes + 1 || line.length > maxBytes) take('tooLong', number);
    else if (!isBlank(line)) take(line, number);
  };

  return {
    push: (chunk) => {
      let from = 0;
      for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, from)) {
        finish(chunk.subarray(from, at));
        from = at + 1;
      }
      begin(chunk.subarray(from));
    },
    end: () => {
      if (begunBytes > 0) finish(Buffer.alloc(0));
    },
  };
};

/** Whether nothing but JSON's white space is in it. */
const isBlank = (line: Buffer): boolean => {
  for (const byte of line) if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d) return false;
  return true;
};
