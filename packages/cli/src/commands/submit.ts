import type { Accepted } from '@switchyard/sdk';
import type { Command } from 'commander';
import {
  endpointId,
  examples,
  milliseconds,
  several,
  startTime,
  wholeNumber,
} from '../arguments.ts';
import { EXIT, onInterrupt, UsageError } from '../failures.ts';
import { followJobs } from '../follow-jobs.ts';
import { openClient } from '../open-client.ts';
import { note, print, printJson } from '../output/print.ts';
import { type Input, type Inputs, openInputs } from '../submit/read-inputs.ts';
import { readSettings, type SettingOptions } from '../submit/read-settings.ts';
import { submitBulk } from '../submit/submit-bulk.ts';
import { faultOf, submitInputs } from '../submit/submit-inputs.ts';

const CONCURRENCY = 16;
const CONCURRENCY_MAX = 256;

type Options = SettingOptions & {
  readonly inputFile?: readonly string[];
  readonly ndjson?: string;
  readonly bulk?: string;
  readonly base64?: readonly string[];
  readonly idempotencyKey?: string;
  readonly concurrency: number;
  readonly wait?: boolean;
  readonly json?: boolean;
};

/** `switchyard submit` */
export const addSubmit = (program: Command): void => {
  program
    .command('submit')
    .summary('queue jobs')
    .description(
      'Queue jobs on an endpoint, and print their ids once they are on disk. With --wait, wait ' +
        'until all have ended; exit code 1 when any ended other than COMPLETED.',
    )
    .argument('<endpoint>', 'where to', endpointId)
    .argument('[input]', 'the input as JSON; - reads it from standard input')
    .option('--input-file <file>', 'a file that holds one input; may be repeated', several)
    .option('--file, --ndjson <file>', 'a file with one input on each line; - is standard input')
    .option('--bulk <file>', 'a file of bodies of /run, one a line, in one call; - as above')
    .option('--base64 <files...>', 'files to send as {"image": BASE64}, with the members of INPUT')
    .option('--wait', 'wait for the ends')
    .option('--json', 'print JSON, one object a line')
    .option('--low-priority', 'run only when nothing else waits')
    .option('--start-after <time>', 'start then: 2026-12-01T08:00:00Z, or ms since 1970', startTime)
    .option('--ttl <ms>', 'how long a job may wait in the queue', milliseconds)
    .option('--execution-timeout <ms>', 'how long a job may run', milliseconds)
    .option('--webhook <url>', 'tell this address when a job has ended')
    .option('--s3-config-file <file>', 's3Config for the worker, as JSON, from a file')
    .option('--idempotency-key <key>', 'the same key and input give the same job for 24 hours')
    .option('--concurrency <n>', 'calls at a time', wholeNumber(1, CONCURRENCY_MAX), CONCURRENCY)
    .addHelpText(
      'after',
      examples(
        `switchyard submit echo '{"hello":"world"}' --wait`,
        'switchyard submit echo --file inputs.ndjson --wait --json > results.ndjson',
        `switchyard submit thumbnail '{"sizes":[{"width":320}]}' --base64 *.jpg --wait`,
      ),
    )
    .action(async (endpoint: string, text: string | undefined, options: Options) => {
      process.exitCode = await submit(endpoint, text, options);
    });
};

const submit = async (
  endpoint: string,
  text: string | undefined,
  options: Options,
): Promise<number> => {
  if (options.bulk !== undefined) return submitInBulk(endpoint, text, options.bulk, options);
  const settings = await readSettings(options);
  const inputs = await openInputs({
    text,
    inputFiles: options.inputFile ?? [],
    linesFile: options.ndjson,
    base64Files: options.base64 ?? [],
  });
  const only = inputs.isList ? undefined : await readOnly(inputs);
  const client = await openClient({ patient: true });
  const signal = onInterrupt();
  const json = options.json === true;
  const { idempotencyKey, concurrency } = options;
  if (only !== undefined) {
    const key = idempotencyKey === undefined ? {} : { idempotencyKey };
    const one = await client.run(
      endpoint,
      { ...settings, rawInput: only.bytes },
      { ...key, signal },
    );
    if (options.wait) return followJobs(client, endpoint, [one.id], { json, signal });
    printAccepted([one], json);
    return EXIT.fine;
  }
  const submitted = await submitInputs(client, endpoint, inputs, {
    settings,
    idempotencyKey,
    concurrency,
    signal,
  });
  const { accepted, refused, failure } = submitted;
  if (failure !== undefined || !options.wait) printAccepted(accepted, json);
  if (failure !== undefined) {
    note(`${accepted.length} jobs were accepted before this:`);
    throw failure.error;
  }
  const ids = accepted.map(({ id }) => id);
  const ended = options.wait
    ? await followJobs(client, endpoint, ids, { json, signal })
    : EXIT.fine;
  if (refused === 0) return ended;
  note(`${refused} inputs were refused.`);
  return EXIT.failed;
};

/** Each line says for itself what holds for its job. */
const NOT_WITH_BULK = [
  ...['inputFile', 'ndjson', 'base64', 'lowPriority', 'startAfter', 'ttl', 'executionTimeout'],
  ...['webhook', 's3ConfigFile'],
] as const;

const submitInBulk = async (
  endpoint: string,
  text: string | undefined,
  file: string,
  options: Options,
): Promise<number> => {
  const named = NOT_WITH_BULK.some((name) => Reflect.get(options, name) !== undefined);
  if (named || text !== undefined) {
    throw new UsageError([
      'With --bulk, the lines of the file say all: give no other input or setting.',
    ]);
  }
  const client = await openClient({ patient: true });
  const signal = onInterrupt();
  const { idempotencyKey, wait } = options;
  const json = options.json === true;
  const { ids, refused } = await submitBulk(client, endpoint, file, {
    idempotencyKey,
    shown: wait ? 'none' : json ? 'json' : 'ids',
    signal,
  });
  const ended = wait ? await followJobs(client, endpoint, ids, { json, signal }) : EXIT.fine;
  if (refused === 0) return ended;
  note(`${refused} lines were refused.`);
  return EXIT.failed;
};

/** The one input, checked before anything is sent. @throws UsageError */
const readOnly = async ({ each }: Inputs): Promise<Input> => {
  const { value } = await each.next();
  if (!value) throw new UsageError(['There is no input.']);
  const fault = faultOf(value);
  if (fault !== undefined) throw new UsageError([fault]);
  return value;
};

const printAccepted = (accepted: readonly Accepted[], json: boolean): void => {
  if (json) for (const one of accepted) printJson(one);
  else print(...accepted.map(({ id }) => id));
};
