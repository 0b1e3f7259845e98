import { writeSync } from 'node:fs';
import type { LogSink } from './log-sink.ts';

const BACKLOG_MAX_BYTES = 1_048_576;
const RETRY_MS = 100;

/**
 * Writes lines to the file descriptor `fd`, by default standard output, before it returns, so that
 * a process that is killed has told all it knew. A reader that is gone ends the writing. For a full
 * disk, and for a slow reader of a pipe that does not block, up to 1 MiB is kept and tried again;
 * lines beyond that are lost. A terminal or file blocks, as it does for `console.log`.
 */
export const createStdoutSink = (fd = 1): LogSink => {
  let backlog = Buffer.alloc(0);
  let gone = false;
  let retry: NodeJS.Timeout | undefined;

  const drain = (): void => {
    retry = undefined;
    try {
      while (backlog.length > 0) backlog = backlog.subarray(writeSync(fd, backlog));
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (code === 'EPIPE' || code === 'EBADF' || code === 'EIO') {
        gone = true;
        backlog = Buffer.alloc(0);
      } else {
        retry = setTimeout(drain, RETRY_MS).unref();
      }
    }
  };

  return {
    write: (line) => {
      if (gone) return;
      const bytes = Buffer.from(line);
      if (backlog.length + bytes.length > BACKLOG_MAX_BYTES && backlog.length > 0) return;
      backlog = backlog.length === 0 ? bytes : Buffer.concat([backlog, bytes]);
      if (retry === undefined) drain();
    },
  };
};
