import { type State, TERMINAL_STATES } from '@switchyard/contracts';

/** What `/stream` answers. */
export type StreamBody = {
  readonly status: State;
  readonly stream: readonly StreamChunk[];
  readonly error?: unknown;
};
/** One chunk: what the worker yielded, and where it stands. */
export type StreamChunk = {
  readonly output: unknown;
  readonly metrics?: unknown;
  readonly switchyard?: { readonly claim: number; readonly index: number };
};
/** How the job ended; what the iterator returns after the last chunk. */
export type StreamEnd = { readonly status: State; readonly error?: unknown };

/**
 * Yields every chunk from `from` on as it comes, and returns how the job ended. Reads by place, not
 * by the server's cursor, so that a lost answer loses nothing and two readers do not share.
 */
export async function* streamChunks(
  ask: (from: number) => Promise<StreamBody>,
  from: number,
): AsyncGenerator<StreamChunk, StreamEnd> {
  let next = from;
  for (;;) {
    const { status, stream, error } = await ask(next);
    for (const chunk of stream) {
      next = (chunk.switchyard?.index ?? next) + 1;
      yield chunk;
    }
    if (isTerminal(status)) return { status, ...(error === undefined ? {} : { error }) };
  }
}

/** Whether a job in `state` has ended. */
export const isTerminal = (state: State): boolean => TERMINAL_STATES.some((one) => one === state);
