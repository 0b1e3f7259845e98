/** How a body goes on: bytes, or that it has ended, broke off, or is left because of our stop. */
export type Came = Buffer | 'ended' | 'gone' | 'stopping';

export type Source = {
  /** What came since the last call, if anything did; after that a bell rings when there is more. */
  readonly take: () => Came | undefined;
  /** What ended it; undefined while there may be more. */
  readonly end: () => Exclude<Came, Buffer> | undefined;
};

/** Reads `body` a piece at a time until `stopping` aborts; `ring` is called when something came. */
export const openSource = (
  body: AsyncIterable<Buffer>,
  stopping: AbortSignal,
  ring: () => void,
): Source => {
  const chunks = body[Symbol.asyncIterator]();
  let came: Buffer | 'ended' | 'gone' | undefined;
  let isReading = false;
  let end: Exclude<Came, Buffer> | undefined;

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
    void read().then((next) => {
      isReading = false;
      came = next;
      ring();
    });
  };

  return {
    take: () => {
      if (end !== undefined) return undefined;
      const taken = came ?? (stopping.aborted ? 'stopping' : undefined);
      came = undefined;
      if (typeof taken === 'string') end = taken;
      else if (!isReading) readOn();
      return taken;
    },
    end: () => end,
  };
};
