import { describeProblem, type Policy, type S3Config, scanValue } from '@switchyard/contracts';

/** What is asked for: the body of `/run` and `/runsync`. */
export type Submission = {
  /** Told once when the job has ended. */
  readonly webhook?: string;
  readonly policy?: Policy;
  /** Handed to the worker and returned nowhere. */
  readonly s3Config?: S3Config;
} & (
  | { readonly input: unknown }
  /** One JSON value; the worker gets these very bytes, so that numbers stay exact. */
  | { readonly rawInput: Uint8Array }
);

/**
 * The body that asks for `submission`.
 * @throws TypeError for an input that is no JSON, or that JSON cannot say.
 */
export const bodyOf = (submission: Submission): Buffer<ArrayBuffer> => {
  const { webhook, policy, s3Config } = submission;
  const rest = JSON.stringify({ webhook, policy, s3Config }).slice(1);
  const end = rest === '}' ? rest : `,${rest}`;
  return Buffer.concat([Buffer.from('{"input":'), inputOf(submission), Buffer.from(end)]);
};

const inputOf = (submission: Submission): Uint8Array => {
  if (!('rawInput' in submission)) {
    const text: string | undefined = JSON.stringify(submission.input);
    if (text === undefined) throw new TypeError('The input is nothing that JSON can say.');
    return Buffer.from(text);
  }
  const { buffer, byteOffset, byteLength } = submission.rawInput;
  const bytes = Buffer.from(buffer, byteOffset, byteLength);
  // Bytes that are more than one value could set other keys of the body.
  const scanned = scanValue(bytes);
  if (!scanned.ok) throw new TypeError(describeProblem(scanned.problem, 'The input'));
  return bytes;
};
