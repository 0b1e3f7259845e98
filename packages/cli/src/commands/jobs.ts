import {
  type JobSummary,
  PRIORITIES,
  type Priority,
  STATES,
  type State,
} from '@switchyard/contracts';
import type { Client, JobsQuery } from '@switchyard/sdk';
import { type Command, Option } from 'commander';
import { endpointId, examples, moment, wholeNumber } from '../arguments.ts';
import { openClient } from '../open-client.ts';
import { note, print, printJson } from '../output/print.ts';
import { tableLines } from '../output/table.ts';
import { ago, duration } from '../output/times.ts';

type Options = {
  readonly endpoint?: string;
  readonly status?: State;
  readonly worker?: string;
  readonly priority?: Priority;
  readonly since?: number;
  readonly until?: number;
  readonly limit: number;
  readonly json?: boolean;
};

const LIMIT = 20;
const LIMIT_MAX = 100_000;
const PAGE_MAX = 1_000;

/** `switchyard jobs` */
export const addJobs = (program: Command): void => {
  program
    .command('jobs')
    .summary('search jobs over endpoints')
    .description('List jobs of all endpoints that the key may use, newest first.')
    .option('--endpoint <id>', 'only of this endpoint', endpointId)
    .addOption(new Option('--status <state>', 'only in this state').choices(STATES))
    .option('--worker <id>', 'only those that this worker ran last')
    .addOption(new Option('--priority <priority>', 'only of this priority').choices(PRIORITIES))
    .option(
      '--since <time>',
      'made then or later: 2h or 7d ago, or ISO 8601; UTC without a zone',
      moment,
    )
    .option('--until <time>', 'made before then', moment)
    .option('--limit <n>', 'jobs at most', wholeNumber(1, LIMIT_MAX), LIMIT)
    .option('--json', 'print JSON, one job a line')
    .addHelpText(
      'after',
      examples(
        'switchyard jobs --status FAILED --since 1h',
        'switchyard jobs --endpoint echo --status IN_QUEUE --json | head -1',
      ),
    )
    .action(async ({ limit, json, since, until, ...filter }: Options) => {
      const client = await openClient();
      const query = {
        ...filter,
        ...(since === undefined ? {} : { from: since }),
        ...(until === undefined ? {} : { to: until }),
      };
      const { jobs, hasMore } = await collect(client, query, limit);
      if (json) for (const job of jobs) printJson(job);
      else print(...tableLines(HEADINGS, jobs.map(rowOf)));
      if (hasMore && json !== true) note(`there are more; --limit ${limit} was reached`);
    });
};

/** Follows the pages, of which some may be short, until there are enough jobs. */
const collect = async (client: Client, query: JobsQuery, limit: number) => {
  const jobs: JobSummary[] = [];
  let cursor: string | undefined;
  for (;;) {
    const page = await client.jobs.search({
      ...query,
      limit: Math.min(PAGE_MAX, limit - jobs.length),
      ...(cursor === undefined ? {} : { cursor }),
    });
    jobs.push(...page.jobs);
    if (page.cursor === null) return { jobs, hasMore: false };
    if (jobs.length >= limit) return { jobs, hasMore: true };
    cursor = page.cursor;
  }
};

const HEADINGS = ['ID', 'ENDPOINT', 'STATUS', 'PRIORITY', 'CREATED', 'DELAY', 'RAN', 'WORKER'];

const rowOf = (job: JobSummary) => [
  job.id,
  job.endpoint,
  job.status,
  job.priority,
  ago(job.createdAt),
  job.delayTime === undefined ? null : duration(job.delayTime),
  job.executionTime === undefined ? null : duration(job.executionTime),
  job.workerId ?? null,
];
