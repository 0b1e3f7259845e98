import { parseArgs } from 'node:util';

export type Options = {
  /** Names of measures; empty: all of them. */
  readonly only: readonly string[];
  /** Names of contenders; empty: all of them. */
  readonly contenders: readonly string[];
  readonly repetitions: number;
  readonly isQuick: boolean;
  /** Whether a target that is missed fails the run. */
  readonly isStrict: boolean;
};

export const USAGE = `npm run bench -- [--only MEASURE[,MEASURE]] [--contenders NAME[,NAME]]
                 [--repetitions N] [--quick] [--strict]`;

const listOf = (text: string | undefined): string[] =>
  (text ?? '')
    .split(',')
    .map((one) => one.trim())
    .filter(Boolean);

/** What the command line asks for. @throws TypeError that says what is wrong with it. */
export const readOptions = (args: readonly string[]): Options | 'help' => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      contenders: { type: 'string' },
      repetitions: { type: 'string' },
      quick: { type: 'boolean', default: false },
      strict: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const repetitions = Number(values.repetitions ?? (values.quick ? 1 : 3));
  if (!Number.isInteger(repetitions) || repetitions < 1) {
    throw new TypeError(`--repetitions is a whole number above 0, not ${values.repetitions}`);
  }
  return {
    only: listOf(values.only),
    contenders: listOf(values.contenders),
    repetitions,
    isQuick: values.quick,
    isStrict: values.strict,
  };
};
