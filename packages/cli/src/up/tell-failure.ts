import { BrokerError } from '@switchyard/broker';
import {
  DirectoryInUse,
  EmbeddedPostgresError,
  ListenError,
  SecretsError,
} from '@switchyard/runtime';
import { isPassing, isSessionRefused, SchemaMismatch } from '@switchyard/store';
import { EXIT, reasonOf, UsageError } from '../failures.ts';
import { MasterKeyError } from './check-master-key.ts';

/** Tells each problem on a line of standard error. @returns the exit code. */
export const tell = (problems: readonly string[], exitCode: number): number => {
  process.stderr.write(`${problems.map((problem) => `switchyard: ${problem}`).join('\n')}\n`);
  return exitCode;
};

/** What the person who started it can mend gets one line; a defect keeps its stack. */
export const tellFailure = (error: unknown): number => {
  if (error instanceof UsageError) return tell(error.problems, EXIT.usage);
  if (
    error instanceof ListenError ||
    error instanceof DirectoryInUse ||
    error instanceof MasterKeyError
  ) {
    return tell([sentence(error.message)], EXIT.usage);
  }
  if (error instanceof BrokerError) {
    return tell([error.message], error.retry ? EXIT.failed : EXIT.usage);
  }
  if (isSessionRefused(error)) {
    return tell([`The database refuses what DATABASE_URL says: ${reasonOf(error)}.`], EXIT.usage);
  }
  if (isPassing(error)) {
    return tell([`The database cannot be reached: ${reasonOf(error)}.`], EXIT.failed);
  }
  if (
    error instanceof EmbeddedPostgresError ||
    error instanceof SecretsError ||
    error instanceof SchemaMismatch
  ) {
    return tell([sentence(error.message)], EXIT.failed);
  }
  const detail = error instanceof Error ? error : new Error(String(error));
  return tell([`The start failed: ${detail.message}`, detail.stack ?? ''], EXIT.failed);
};

const sentence = (text: string): string =>
  `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`;
