import { styleText } from 'node:util';
import type { Command } from 'commander';
import { examples } from '../arguments.ts';
import { readSurroundings } from '../config.ts';
import type { Finding } from '../doctor/finding.ts';
import { EXIT } from '../failures.ts';
import { clean, print, printJson } from '../output/print.ts';

/** `switchyard doctor` */
export const addDoctor = (program: Command): void => {
  program
    .command('doctor')
    .summary('look for what is wrong, and say what to do')
    .description(
      'Look at the configuration, the data directory, the database, the broker, the clocks, the ' +
        'server, its gateway and the key, as the environment names them. Starts nothing, changes ' +
        'nothing, and shows no secret. Exit code 1 when there is an error, 0 with warnings alone.',
    )
    .option('--json', 'print JSON')
    .addHelpText('after', examples('switchyard doctor', 'switchyard doctor --json'))
    .action(async (options: { readonly json?: boolean }) => {
      // Loaded here, so that no other command waits for the store and the brokers to load.
      const { examine } = await import('../doctor/examine.ts');
      const findings = await examine(await readSurroundings());
      const errors = findings.filter(({ level }) => level === 'error').length;
      if (options.json) printJson({ ok: errors === 0, findings });
      else print(...findings.flatMap(linesOf), '', summaryOf(findings));
      process.exitCode = errors === 0 ? EXIT.fine : EXIT.failed;
    });
};

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
