import { styleText } from 'node:util';
import type { InvariantReport } from '@switchyard/store';
import type { Command } from 'commander';
import { examples, wholeNumber } from '../arguments.ts';
import { readCommandConfig, readSurroundings } from '../config.ts';
import type { Finding } from '../doctor/finding.ts';
import { EXIT } from '../failures.ts';
import { clean, print, printJson } from '../output/print.ts';

const WITHIN_S = 600;

type Options = {
  readonly json?: boolean;
  readonly invariants?: boolean;
  readonly within: number;
};

/** `switchyard doctor` */
export const addDoctor = (program: Command): void => {
  program
    .command('doctor')
    .summary('look for what is wrong, and say what to do')
    .description(
      'Look at the configuration, the data directory, the database, the broker, the clocks, the ' +
        'server, its gateway and the key, as the environment names them. Starts nothing, changes ' +
        'nothing, and shows no secret. Exit code 1 when there is an error, 0 with warnings alone.' +
        '\n\nWith --invariants it looks at the jobs instead: whether the database at ' +
        'DATABASE_URL holds anything that must never be, such as a job in two ' +
        'places. It may run beside the ' +
        'services: each look is short and changes nothing.',
    )
    .option('--json', 'print JSON')
    .option('--invariants', 'look at every job in the database, the newest first')
    .option(
      '--within <seconds>',
      'begin no look at jobs after so long',
      wholeNumber(1, 86_400),
      WITHIN_S,
    )
    .addHelpText('after', examples('switchyard doctor', 'switchyard doctor --invariants --json'))
    .action(async (options: Options) => {
      if (options.invariants) {
        process.exitCode = await examineJobs(options);
        return;
      }
      // Loaded here, so that no other command waits for the store and the brokers to load.
      const { examine } = await import('../doctor/examine.ts');
      const findings = await examine(await readSurroundings());
      const errors = findings.filter(({ level }) => level === 'error').length;
      if (options.json) printJson({ ok: errors === 0, findings });
      else print(...findings.flatMap(linesOf), '', summaryOf(findings));
      process.exitCode = errors === 0 ? EXIT.fine : EXIT.failed;
    });
};

const examineJobs = async ({ json, within }: Options): Promise<number> => {
  const { examineInvariants } = await import('../doctor/examine-invariants.ts');
  const report = await examineInvariants(readCommandConfig(), within * 1_000);
  if (report === undefined) return EXIT.unreachable;
  const ok = report.broken.length === 0;
  if (json) printJson({ ok, ...report });
  else print(...report.broken.flatMap(linesOfBroken), ...linesOfRest(report));
  return ok ? EXIT.fine : EXIT.failed;
};

const linesOfBroken = ({
  code,
  sentence,
  breaches,
  examples: shown,
}: InvariantReport['broken'][number]): string[] => [
  `${SHOWN.error}  not so: ${sentence} (${code}, ${breaches} times)`,
  ...shown.map(
    ({ endpointId, jobId, what }) => `         ${endpointId} ${jobId ?? ''} ${clean(what)}`,
  ),
];

const linesOfRest = ({ broken, jobs, left }: InvariantReport): string[] => [
  ...left.map((rest) => `${SHOWN.warning}  not looked at: ${clean(rest)}`),
  `${jobs} jobs looked at, ${broken.length} invariants broken`,
];

const SHOWN = {
  fine: styleText('green', 'ok     '),
  warning: styleText('yellow', 'warning'),
  error: styleText('red', 'error  '),
} as const;

const linesOf = ({ area, level, code, cause, remedy }: Finding): string[] => [
  `${SHOWN[level]}  ${area}: ${clean(cause)}${level === 'fine' ? '' : ` (${code})`}`,
  ...(remedy === undefined ? [] : [`         → ${clean(remedy)}`]),
];

const summaryOf = (findings: readonly Finding[]): string => {
  const count = (level: Finding['level']) => findings.filter((one) => one.level === level).length;
  return `${count('error')} errors, ${count('warning')} warnings, ${count('fine')} fine`;
};
