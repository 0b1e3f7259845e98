import { parseArgs } from 'node:util';
import { BROKERS, type BrokerName } from '../support/brokers.ts';

export type FaultOptions = {
  readonly faults: number;
  readonly jobs: number;
  /** Jobs begun in a second. */
  readonly perSecond: number;
  readonly seed: number;
  readonly broker: BrokerName;
  /** Where the history is kept after the run; unset: nowhere. */
  readonly keep: string | undefined;
};

const FAULTS = 60;
const PER_SECOND = 50;
/** A fault each three seconds. */
const JOBS_A_FAULT = 150;
const SEEDS = 1_000_000_000;

export const USAGE = `npm run test:fault -- [options]

  --faults N        faults, drawn from the seed; default ${FAULTS}
  --jobs M          jobs over which they are spread; default ${JOBS_A_FAULT} a fault
  --rate R          jobs begun in a second; default ${PER_SECOND}
  --seed S          a run's seed, to strike the same again; default: drawn and printed
  --broker NAME     ${BROKERS.join(' or ')}; default nats
  --keep FOLDER     keeps history, logs and tables there`;

/** Reads the command line. @throws TypeError that says what is wrong. */
export const readOptions = (args: readonly string[]): FaultOptions | 'help' => {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      faults: text,
      jobs: text,
      rate: text,
      seed: text,
      broker: text,
      keep: text,
      help: { type: 'boolean' },
    },
  });
  if (values.help === true) return 'help';
  const whole = (name: 'faults' | 'jobs' | 'rate' | 'seed', fallback: number): number => {
    const value = Number(values[name] ?? fallback);
    if (!Number.isSafeInteger(value) || value < 0) throw new TypeError(`--${name} is no number`);
    return value;
  };
  const broker = BROKERS.find((name) => name === (values.broker ?? 'nats'));
  if (broker === undefined) throw new TypeError(`--broker is none of ${BROKERS.join(', ')}`);
  const faults = whole('faults', FAULTS);
  return {
    faults,
    jobs: whole('jobs', Math.max(1, faults) * JOBS_A_FAULT),
    perSecond: whole('rate', PER_SECOND),
    seed: whole('seed', Math.floor(Math.random() * SEEDS)),
    broker,
    keep: values.keep,
  };
};
