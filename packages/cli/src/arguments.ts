import { parseEndpointId, parseJobId } from '@switchyard/contracts';
import { InvalidArgumentError } from 'commander';

/** An endpoint's id. @throws InvalidArgumentError, which commander tells. */
export const endpointId = (text: string): string => {
  if (parseEndpointId(text) !== undefined) return text;
  throw new InvalidArgumentError('It must be 1 to 64 lower-case letters, digits and dashes.');
};

/** A job's id. @throws InvalidArgumentError */
export const jobId = (text: string): string => {
  if (parseJobId(text) !== undefined) return text;
  throw new InvalidArgumentError('It must be a job id, as submit prints it.');
};

/** Endpoint ids, one after the other. @throws InvalidArgumentError */
export const endpointIds = (
  text: string,
  former: readonly string[] | undefined,
): readonly string[] => [...(former ?? []), endpointId(text)];

/** Job ids, one after the other. @throws InvalidArgumentError */
export const jobIds = (text: string, former: readonly string[] | undefined): readonly string[] => [
  ...(former ?? []),
  jobId(text),
];

/** Collects an option that may be given several times. */
export const several = (text: string, former: readonly string[] | undefined): readonly string[] => [
  ...(former ?? []),
  text,
];

/** A whole number from `minimum` to `maximum`. @throws InvalidArgumentError */
export const wholeNumber =
  (minimum: number, maximum: number) =>
  (text: string): number => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= minimum && value <= maximum) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${minimum} to ${maximum}.`);
  };

/** A number of ms; its bounds are checked with the rest of the policy. */
export const milliseconds = wholeNumber(0, Number.MAX_SAFE_INTEGER);

/** The examples at the end of a command's help. */
export const examples = (...lines: readonly string[]): string =>
  ['', lines.length === 1 ? 'Example:' : 'Examples:', ...lines.map((line) => `  $ ${line}`)].join(
    '\n',
  );
