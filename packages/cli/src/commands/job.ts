import type { JobDelivery, JobDetail } from '@switchyard/contracts';
import type { Command } from 'commander';
import { endpointId, examples, jobId } from '../arguments.ts';
import { openClient } from '../open-client.ts';
import { clean, paintState, print, printJson } from '../output/print.ts';
import { errorSentence } from '../output/status.ts';
import { fieldLines, tableLines } from '../output/table.ts';
import { ago, duration } from '../output/times.ts';

/** `switchyard job` */
export const addJob = (program: Command): void => {
  program
    .command('job')
    .summary('show a job with its history')
    .description(
      'Show a job of any endpoint that the key may use: how it stands, what it was asked with, ' +
        'and all that happened to it, with the time since it was accepted.',
    )
    .argument('<id>', 'the job', jobId)
    .option('--endpoint <id>', 'where it was queued; tells a job past its retention', endpointId)
    .option('--json', 'print JSON')
    .addHelpText('after', examples('switchyard job 0198c0de-7a11-7000-8000-5a5a5a5a5a5a'))
    .action(
      async (id: string, options: { readonly endpoint?: string; readonly json?: boolean }) => {
        const { endpoint } = options;
        const query = endpoint === undefined ? {} : { endpoint };
        const job = await (await openClient()).jobs.read(id, query);
        if (options.json) printJson(job);
        else print(...fieldLines(fieldsOf(job)), '', ...historyOf(job), ...deliveriesOf(job));
      },
    );
};

const fieldsOf = (job: JobDetail): [string, string][] => {
  const { waiting, policy } = job;
  const fields: [string, string | undefined][] = [
    ['id', job.id],
    ['endpoint', job.endpoint],
    ['status', paintState(job.status)],
    ['waiting', waiting && clean(`${waiting.reason} (position ${waiting.position})`)],
    ['priority', job.escalatedAt ? `${job.priority} since ${job.escalatedAt}` : job.priority],
    ['created', `${job.createdAt} (${ago(job.createdAt)})`],
    ['starts', job.startAt],
    ['deadline', job.deadline],
    ['attempt', `${job.attempt} of ${job.maxAttempts}`],
    ['delay', job.delayTime === undefined ? undefined : duration(job.delayTime)],
    ['execution', job.executionTime === undefined ? undefined : duration(job.executionTime)],
    ['worker', job.workerId && clean(job.workerId)],
    ['error', job.error === undefined ? undefined : errorSentence(job.error)],
    ['may run', duration(policy.executionTimeout)],
    ['may wait', duration(policy.ttl)],
    ['input', `${job.inputBytes} bytes`],
  ];
  return fields.flatMap(([name, value]) => (value ? [[name, value] as [string, string]] : []));
};

const historyOf = (job: JobDetail): string[] => {
  const beganMs = Date.parse(job.events[0]?.at ?? job.createdAt);
  const rows = job.events.map(({ at, event, text }) => [
    at,
    `+${duration(Math.max(0, Date.parse(at) - beganMs))}`,
    event,
    text,
  ]);
  return tableLines(['TIME', 'AFTER', 'EVENT', 'WHAT'], rows);
};

const deliveriesOf = ({ deliveries }: JobDetail): string[] => {
  if (deliveries.length === 0) return [];
  return [
    '',
    ...tableLines(
      ['WEBHOOK', 'OUTCOME', 'TRY', 'TIME', 'TOOK', 'ANSWER'],
      deliveries.flatMap(triesOf),
    ),
  ];
};

const triesOf = ({ target, outcome, tries }: JobDelivery) => {
  const shown = [target, outcome ?? 'open'];
  if (tries.length === 0) return [[...shown, null, null, null, null]];
  return tries.map((one) => [
    ...shown,
    one.n,
    one.startedAt,
    one.durationMs === null ? null : duration(one.durationMs),
    one.responseStatus ?? one.error ?? one.outcome,
  ]);
};
