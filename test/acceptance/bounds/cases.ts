import type { Answer, Call, Sent } from '../support/call-http.ts';
import type { Cell } from '../support/checks.ts';

/** One call and what must come of it. */
export type Case = Sent & {
  readonly name: string;
  readonly line: string;
  readonly status: readonly number[];
  /** Each must stand in the sentence of the problem; of a list, one of its texts. */
  readonly says?: readonly (string | readonly string[])[];
};

const AT_ONCE = 8;
const REFUSED = 400;
const DEFECT = 500;

/** Calls all `cases`, a few at once. @returns a cell for each. */
export const tryCases = async (call: Call, cases: readonly Case[]): Promise<Cell[]> => {
  const cells: Cell[] = [];
  const waiting = cases.values();
  const work = async (): Promise<void> => {
    for (const one of waiting) {
      const { name, line, status: _status, says: _says, ...sent } = one;
      const answer = await call(line, sent);
      cells.push({ name: `${name}: ${line.slice(0, 160)}`, fault: faultOf(one, answer) });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return cells;
};

const faultOf = ({ status, says = [] }: Case, answer: Answer): string | undefined => {
  const told = `${answer.status} ${answer.text.slice(0, 300)}`;
  if (!status.includes(answer.status)) return `wanted ${status.join(' or ')}, got ${told}`;
  if (answer.status < REFUSED) return undefined;
  return problemFault(answer) ?? sentenceFault(says, String(answer.json.error));
};

const sentenceFault = (says: NonNullable<Case['says']>, sentence: string): string | undefined => {
  const lacks = says.find((texts) => ![texts].flat().some((text) => sentence.includes(text)));
  return lacks === undefined ? undefined : `names no ${JSON.stringify(lacks)}: ${sentence}`;
};

/** What keeps a refusal from being a problem of ours (RFC 9457 with `code` and `error`). */
const problemFault = ({ status, headers, json, text }: Answer): string | undefined => {
  if (status >= DEFECT) return `${status} ${text.slice(0, 300)}`;
  const isProblem = String(headers['content-type']).startsWith('application/problem+json');
  const isWhole = ['code', 'error', 'title'].every((name) => typeof json[name] === 'string');
  const isNamed = typeof headers['x-request-id'] === 'string';
  return isProblem && isWhole && isNamed && json.status === status
    ? undefined
    : `no problem+json: ${status} ${JSON.stringify(headers)} ${text.slice(0, 200)}`;
};

/** Texts of which a sentence must hold one to name the JSON value `sent`. */
export const namesOf = (sent: string): string[] => {
  const value: unknown = JSON.parse(sent);
  // A number beyond a double may be told as the double that it is read as.
  return typeof value === 'number' ? [sent, String(value)] : [sent, JSON.stringify(value)];
};

/** JSON values that no bounded integer takes. */
export const NO_INTEGERS: readonly string[] = [
  ...['"5"', '"text"', '""', 'true', 'false', '[]', '{}', '[60000]'],
  ...['1.5', '60000.5', '1e400', '-1e400', '9007199254740993', '-1', '-2147483648'],
];
