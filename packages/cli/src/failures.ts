import { ApiError, UnreachableError } from '@switchyard/sdk';
import { CommanderError } from 'commander';
import { note } from './output/print.ts';

/** What the command's exit code says. */
export const EXIT = { fine: 0, failed: 1, usage: 2, unreachable: 3 } as const;

/** What was asked for cannot be: every problem, one sentence each. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly problems: readonly string[];
  constructor(problems: readonly string[], options?: ErrorOptions) {
    super(problems.join('\n'), options);
    this.problems = problems;
  }
}

/** The command did not do what it was for; the message is a sentence for a person. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
}

/** A signal ended the command. */
class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly exitCode: number;
  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super(`Ended by ${signal}.`);
    // As a shell reports a process that the signal killed.
    this.exitCode = 128 + (signal === 'SIGINT' ? 2 : 15);
  }
}

/** Tells a person on standard error why the command ends. @returns its exit code. */
export const tellFailure = (error: unknown): number => {
  // Commander has said it already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.fine : EXIT.usage;
  if (error instanceof UsageError) {
    for (const problem of error.problems) note(problem);
    return EXIT.usage;
  }
  if (error instanceof UnreachableError) {
    note(`${error.message} Is it running, and is SWITCHYARD_URL right?`);
    return EXIT.unreachable;
  }
  if (error instanceof ApiError) {
    note(`${error.detail} (${error.code})`);
    return EXIT.failed;
  }
  if (error instanceof Interrupted) {
    note(error.message);
    return error.exitCode;
  }
  note(error instanceof Error ? error.message : String(error));
  return EXIT.failed;
};

/**
 * Why a database failed, as the end of a sentence and without credentials: what pg says names users
 * and databases, never passwords.
 */
export const reasonOf = (cause: unknown): string => {
  let at = cause;
  while (at instanceof Error && at.cause instanceof Error) at = at.cause;
  if (at instanceof AggregateError && at.errors[0] instanceof Error) at = at.errors[0];
  const text = at instanceof Error ? at.message : String(at);
  return text.replace(/\.$/, '');
};

/** Aborts with Interrupted at the first SIGINT or SIGTERM; a second one ends the process. */
export const onInterrupt = (): AbortSignal => {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => stop.abort(new Interrupted(signal)));
  }
  return stop.signal;
};
