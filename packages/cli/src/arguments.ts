import {
  MOMENT_FORM,
  momentMs,
  parseEndpointId,
  parseJobId,
  type StartAfter,
} from '@switchyard/contracts';
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

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const AGO = /^(\d{1,9})([smhd])$/;

/** A moment: `2h` ago by this machine's clock, or ISO 8601. @returns ms since 1970. */
export const moment = (text: string): number => {
  const [, count, unit] = AGO.exec(text) ?? [];
  const ms =
    unit === undefined
      ? momentMs(text)
      : Date.now() - Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS];
  if (ms !== undefined && ms >= 0) return ms;
  throw new InvalidArgumentError(`It must be 90s, 15m, 2h or 7d, or ${MOMENT_FORM}.`);
};

/** When a job may start, as `policy.startAfter` has it. @throws InvalidArgumentError */
export const startTime = (text: string): StartAfter => {
  if (/^\d{1,16}$/.test(text)) return Number(text);
  if (momentMs(text) !== undefined) return text;
  throw new InvalidArgumentError(`It must be ${MOMENT_FORM}, or ms since 1970.`);
};

/** A number of ms; its bounds are checked with the rest of the policy. */
export const milliseconds = wholeNumber(0, Number.MAX_SAFE_INTEGER);

/** The examples at the end of a command's help. */
export const examples = (...lines: readonly string[]): string =>
  ['', lines.length === 1 ? 'Example:' : 'Examples:', ...lines.map((line) => `  $ ${line}`)].join(
    '\n',
  );
