import { type BulkAnswer, BulkAnswerSchema, NDJSON, validator } from '@switchyard/contracts';
import { readAnswer } from './answers.ts';
import type { SendStream } from './send.ts';

export type BulkOptions = {
  /** With the same key the same line at the same place gives the same job for 24 hours. */
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
};

const checkAnswer = validator(BulkAnswerSchema);
const LINE_FEED = 0x0a;

/** The answers to the lines of `body`, in their order. */
export async function* submitLines(
  send: SendStream,
  endpoint: string,
  body: AsyncIterable<Uint8Array>,
  { idempotencyKey, signal }: BulkOptions,
): AsyncGenerator<BulkAnswer, void> {
  const answer = send({
    path: ['v1', 'endpoints', endpoint, 'jobs', 'bulk'],
    body,
    type: NDJSON,
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    signal,
  });
  let begun: Buffer = Buffer.alloc(0);
  for await (const part of answer) {
    const bytes = Buffer.concat([begun, part]);
    let from = 0;
    for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, from)) {
      yield readAnswer(bytes.subarray(from, at), checkAnswer);
      from = at + 1;
    }
    begun = bytes.subarray(from);
  }
}
