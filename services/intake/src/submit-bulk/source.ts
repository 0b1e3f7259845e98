/**
 * How a body goes on: bytes, or that it has ended, broke off, or is left because of our stop or
 * because it comes too slowly.
 */
export type Came = Buffer | 'ended' | 'gone' | 'stopping' | 'slow';

export type Source = {
  /** What came since the last call, if anything did; after that a bell rings when there is more. */
  readonly take: () => Came | undefined;
  /** What ended it; undefined while there may be more. */
  readonly end: () => Exclude<Came, Buffer> | undefined;
};

/** Within this a body that is waited for brings the end of a line or PACE_BYTES, in ms. */
export const PACE_MS = 30_000;
export const PACE_BYTES = 65_536;
const LINE_FEED = 0x0a;

/**
 * Reads `body` a piece at a time until `stopping` aborts or it comes too slowly; `ring` is called
 * when something came.
 */
export const openSource = (
  body: AsyncIterable<Buffer>,
  stopping: AbortSignal,
  ring: () => void,
): Source => {
  const chunks = body[Symbol.asyncIterator]();
  let came: Buffer | 'ended' | 'gone' | undefined;
  let isReading = false;
  let end: Exclude<Came, Buffer> | undefined;
  let isSlow = false;
  let timer: NodeJS.Timeout | undefined;
  let paceBytes = 0;

  const runOut = (): void => {
    timer = undefined;
    // While nothing is read it is we who are slow.
    if (!isReading) return;
    isSlow = true;
    ring();
  };

  const notePace = (next: Buffer | 'ended' | 'gone'): void => {
    if (Buffer.isBuffer(next)) {
      paceBytes += next.length;
      if (paceBytes < PACE_BYTES && !next.includes(LINE_FEED)) return;
    }
    paceBytes = 0;
    clearTimeout(timer);
    timer = undefined;
  };

  const read = async (): Promise<Buffer | 'ended' | 'gone'> => {
    try {
      const { done, value } = await chunks.next();
      return done === true ? 'ended' : value;
    } catch {
      // A body that breaks off has nobody any more who would hear of it.
      return 'gone';
    }
  };

  const readOn = (): void => {
    isReading = true;
    timer ??= setTimeout(runOut, PACE_MS).unref();
    void read().then((next) => {
      isReading = false;
      notePace(next);
      came = next;
      ring();
    });
  };

  return {
    take: () => {
      if (end !== undefined) return undefined;
      const left = stopping.aborted ? 'stopping' : isSlow ? 'slow' : undefined;
      const taken = came ?? left;
      came = undefined;
      if (typeof taken === 'string') end = taken;
      else if (!isReading) readOn();
      return taken;
    },
    end: () => end,
  };
};
