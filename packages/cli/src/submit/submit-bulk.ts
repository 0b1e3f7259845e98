import { createReadStream } from 'node:fs';
import type { BulkAnswer } from '@switchyard/contracts';
import type { Client } from '@switchyard/sdk';
import { note, print, printJson } from '../output/print.ts';
import { openProgress } from '../output/progress.ts';
import { unreadable } from './read-inputs.ts';

export type BulkSettings = {
  readonly idempotencyKey: string | undefined;
  /** What of the answers is printed as they come; of problems a person is always told. */
  readonly shown: 'ids' | 'json' | 'none';
  readonly signal: AbortSignal;
};

export type BulkSubmitted = {
  /** Of the jobs that were accepted, in the order of their lines. */
  readonly ids: readonly string[];
  /** How many lines became no job. */
  readonly refused: number;
};

/**
 * Submits each line of `file`, a body of `/run`, in one call; `-` is standard input.
 * @throws UsageError for a file that cannot be read; what the call throws, after a word on how far
 * it came.
 */
export const submitBulk = async (
  client: Client,
  endpoint: string,
  file: string,
  { idempotencyKey, shown, signal }: BulkSettings,
): Promise<BulkSubmitted> => {
  const ids: string[] = [];
  let refused = 0;
  const progress = openProgress('submitted', 0);
  const lines = openFile(file);
  const key = idempotencyKey === undefined ? {} : { idempotencyKey };
  try {
    for await (const answer of client.runLines(endpoint, lines.read(), { ...key, signal })) {
      if ('code' in answer) refused += 1;
      else ids.push(answer.id);
      show(answer, shown);
      progress.setTotal(ids.length + refused);
      progress.set(ids.length);
    }
  } catch (error) {
    note(`${ids.length} jobs were accepted before this; whether others were is not known.`);
    throw lines.fault() ?? error;
  } finally {
    progress.end();
  }
  return { ids, refused };
};

const show = (answer: BulkAnswer, shown: BulkSettings['shown']): void => {
  if (shown === 'json') printJson(answer);
  if ('code' in answer) {
    const lines = answer.rest === true ? `${answer.line} and all behind it` : answer.line;
    if (shown !== 'json') note(`line ${lines}: ${answer.detail} (${answer.code})`);
  } else if (shown === 'ids') print(answer.id);
};

/** The bytes of a file, and what is wrong with it, which the call that sends them would hide. */
const openFile = (file: string) => {
  let fault: Error | undefined;
  return {
    fault: () => fault,
    read: async function* (): AsyncGenerator<Buffer, void> {
      try {
        yield* file === '-' ? process.stdin : createReadStream(file);
      } catch (error) {
        fault = unreadable(file, error);
        throw fault;
      }
    },
  };
};
