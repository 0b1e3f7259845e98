import { describeProblem, RUN_BODY_MAX_BYTES, scanValue } from '@switchyard/contracts';
import { type Accepted, ApiError, type Client, type Submission } from '@switchyard/sdk';
import { note } from '../output/print.ts';
import { openProgress } from '../output/progress.ts';
import type { Input, Inputs } from './read-inputs.ts';

export type SubmitOptions = {
  /** What all jobs have in common. */
  readonly settings: Pick<Submission, 'webhook' | 'policy' | 's3Config'>;
  /** Of a list, each job's key is this with its number behind. */
  readonly idempotencyKey: string | undefined;
  readonly concurrency: number;
  readonly signal: AbortSignal;
};

export type Submitted = {
  /** In the order of the inputs. */
  readonly accepted: readonly Accepted[];
  /** How many inputs were at fault themselves; each was told. */
  readonly refused: number;
  /** What ended the submission before its end. */
  readonly failure: { readonly error: unknown } | undefined;
};

/** Refusals that say something of the one input alone: the next may well be taken. */
const INPUT_AT_FAULT = [400, 413, 415, 422];

/**
 * Submits each input as a job, `concurrency` at a time, and shows how many are accepted. After a
 * failure that would meet the others too, or the signal, no more are begun, and those under way are
 * waited for: what the server accepted is in the result.
 */
export const submitInputs = async (
  client: Client,
  endpoint: string,
  inputs: Inputs,
  options: SubmitOptions,
): Promise<Submitted> => {
  const { settings, idempotencyKey, concurrency, signal } = options;
  const accepted: (Accepted | undefined)[] = [];
  const state = { read: 0, done: 0, refused: 0, failure: undefined as Submitted['failure'] };
  const progress = openProgress('submitted', inputs.count ?? 0);
  const submitOne = async (input: Input, index: number): Promise<void> => {
    const fault = faultOf(input);
    if (fault !== undefined) return refuse(fault);
    const key =
      idempotencyKey === undefined ? {} : { idempotencyKey: `${idempotencyKey}-${index + 1}` };
    try {
      accepted[index] = await client.run(endpoint, { ...settings, rawInput: input.bytes }, key);
      state.done += 1;
    } catch (error) {
      if (!(error instanceof ApiError) || !INPUT_AT_FAULT.includes(error.status)) throw error;
      refuse(`${input.name}: ${error.detail} (${error.code})`);
    }
  };
  const refuse = (sentence: string): void => {
    state.refused += 1;
    note(sentence);
  };
  const work = async (): Promise<void> => {
    while (state.failure === undefined) {
      signal.throwIfAborted();
      const next = await inputs.each.next();
      if (next.done) return;
      const index = state.read++;
      if (inputs.count === undefined) progress.setTotal(state.read);
      await submitOne(next.value, index);
      progress.set(state.done);
    }
  };
  const workToTheEnd = () =>
    work().catch((error: unknown) => {
      state.failure ??= { error };
    });
  await Promise.all(Array.from({ length: concurrency }, workToTheEnd));
  progress.end();
  const { refused, failure } = state;
  return { accepted: accepted.filter((one) => one !== undefined), refused, failure };
};

/** Why `input` cannot be sent at all, or undefined. */
export const faultOf = ({ name, bytes }: Input): string | undefined => {
  if (bytes.length > RUN_BODY_MAX_BYTES) {
    return `${name} is ${bytes.length} bytes long; at most ${RUN_BODY_MAX_BYTES} can be sent.`;
  }
  const scanned = scanValue(bytes);
  return scanned.ok ? undefined : describeProblem(scanned.problem, name);
};
