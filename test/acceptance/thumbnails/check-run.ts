import { stripVTControlCharacters } from 'node:util';
import {
  RequestsPageSchema,
  type StatusBody,
  StatusBodySchema,
  validator,
} from '@switchyard/contracts';
import type { Cell, Checks } from '../support/checks.ts';
import { judgeThumbnails, keepsAlpha, type SeenJob } from './judge-thumbnails.ts';
import { LARGE_MIN_PIXELS, type PlannedJob } from './plan-jobs.ts';
import { readOutput } from './read-output.ts';
import type { Received, WebhookReceiver } from './receive-webhooks.ts';
import type { Session } from './run-on-terminal.ts';
import type { Storage } from './start-storage.ts';
import type { Ask } from './watch-progress.ts';

/** All that came of one submission. */
export type Run = {
  readonly jobs: readonly PlannedJob[];
  readonly session: Session;
  readonly progress: ReadonlyMap<string, readonly string[]>;
  readonly webhooks: WebhookReceiver;
  readonly storage: Storage;
  /** Every job of the endpoint, as `/status` answers it. */
  readonly statuses: readonly StatusBody[];
  readonly logs: string;
};

const PICTURES_MIN = 200;
const BAR_STATES_MIN = 10;
const JUDGED_AT_ONCE = 2;
const checkPage = validator(RequestsPageSchema);
const checkStatus = validator(StatusBodySchema);

/** The status of every job of the endpoint, page by page. */
export const readStatuses = async (endpoint: string, ask: Ask): Promise<StatusBody[]> => {
  const statuses: StatusBody[] = [];
  let cursor: string | null = null;
  do {
    const query: string = cursor === null ? '' : `&cursor=${cursor}`;
    const page = checkPage(await ask(`/v2/${endpoint}/requests?limit=100${query}`));
    if (!page.ok) throw new Error(page.detail);
    for (const { id } of page.value.requests) {
      const status = checkStatus(await ask(`/v2/${endpoint}/status/${id}`));
      if (!status.ok) throw new Error(status.detail);
      statuses.push(status.value);
    }
    cursor = page.value.cursor;
  } while (cursor !== null);
  return statuses;
};

/** Compares the run with what was asked, and prints a line for each check. */
export const checkRun = async (run: Run, checks: Checks): Promise<void> => {
  checkSet(run, checks);
  checkSession(run, checks);
  checkStates(run, checks);
  await checkThumbnails(run, checks);
  checkWebhooks(run, checks);
  checkProgress(run, checks);
  checkLogs(run, checks);
};

const isWhole = (job: PlannedJob): job is SeenJob => job.seen !== undefined;

const atLeast = (checks: Checks, name: string, count: number, least: number): void =>
  checks.check(count >= least, name, count, `>= ${least}`);

const exactly = (checks: Checks, name: string, count: number, bound: number): void =>
  checks.check(count === bound, name, count, bound);

const checkSet = ({ jobs }: Run, checks: Checks): void => {
  const whole = jobs.filter(isWhole);
  atLeast(checks, 'pictures', whole.length, PICTURES_MIN);
  const photographs = whole.filter(({ picture }) => picture.isPhotograph).length;
  atLeast(checks, 'photographs, most of them', photographs, Math.floor(whole.length / 2) + 1);
  const large = whole
    .filter(({ way }) => way === 'url')
    .filter(({ seen }) => seen.width * seen.height > LARGE_MIN_PIXELS);
  atLeast(checks, 'pictures over 20 megapixels by URL', large.length, 1);
};

/** What a person at the terminal saw: two bars, one after the other, and the count of the ends. */
const checkSession = ({ session, jobs }: Run, checks: Checks): void => {
  const text = stripVTControlCharacters(session.text);
  for (const label of ['submitted', 'ended']) {
    const bars = [
      ...text.matchAll(new RegExp(`${label} \\[[#-]+\\] (\\d+)/${jobs.length}\\b`, 'g')),
    ];
    const states = bars.map(([, done]) => Number(done));
    atLeast(checks, `states of the bar "${label}"`, new Set(states).size, BAR_STATES_MIN);
    exactly(checks, `last state of the bar "${label}"`, states.at(-1) ?? 0, jobs.length);
  }
  const whole = jobs.filter(isWhole).length;
  const summary = `${jobs.length} jobs: ${whole} COMPLETED, ${jobs.length - whole} FAILED`;
  // Not the last line of all: npx leaves traces of its own behind it.
  const found = /^\d+ jobs: .*$/m.exec(text)?.[0].trimEnd() ?? 'none';
  checks.check(found === summary, 'summary of the command', found, summary);
  // Its exit code tells that not every job has completed.
  exactly(checks, 'exit code of the command', session.exitCode ?? -1, 1);
};

const checkStates = ({ jobs, statuses }: Run, checks: Checks): void => {
  exactly(checks, 'jobs', statuses.length, jobs.length);
  const completed = statuses.filter(({ status }) => status === 'COMPLETED').length;
  exactly(checks, 'COMPLETED', completed, jobs.filter(isWhole).length);
  const broken = jobs.filter(({ picture }) => picture.fails !== undefined);
  const failed = statuses.filter(({ status }) => status === 'FAILED');
  exactly(checks, 'FAILED', failed.length, broken.length);
  const sentences = failed.map(({ error }) => String(error));
  for (const { picture } of broken) {
    const fits = sentences.filter((sentence) => picture.fails?.test(sentence)).length;
    exactly(checks, `FAILED with the sentence for a ${picture.made}`, fits, 1);
  }
  for (const sentence of sentences) console.log(`       ${sentence}`);
};

const checkThumbnails = async (run: Run, checks: Checks): Promise<void> => {
  const cells = await judgeAll(run);
  const table = (name: string, holds: (job: SeenJob) => boolean): void =>
    checks.table(
      name,
      [...cells].filter(([job]) => holds(job)).map(([, cell]) => cell),
    );
  table('thumbnails in the bucket, of the size, shape and colours asked for', () => true);
  table('turned upright by EXIF, each corner at its place', ({ picture }) => !!picture.isMarked);
  table('as see-through as before', keepsAlpha);
};

const judgeAll = async ({ jobs, statuses, storage }: Run): Promise<Map<SeenJob, Cell>> => {
  const outputs = new Map(
    statuses
      .map(({ output }) => readOutput(output))
      .filter((output) => output !== undefined)
      .map((output) => [folderOf(output.thumbnails[0]?.key), output]),
  );
  const cells = new Map<SeenJob, Cell>();
  const waiting = jobs.filter(isWhole);
  const judge = async (): Promise<void> => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
      const output = outputs.get(job.picture.key);
      const faults = output ? await judgeThumbnails(job, output, storage) : ['no thumbnails'];
      const fault = faults.length === 0 ? undefined : faults.join('; ');
      cells.set(job, { name: job.picture.key, fault });
    }
  };
  await Promise.all(Array.from({ length: JUDGED_AT_ONCE }, judge));
  return cells;
};

const folderOf = (key = ''): string => key.slice(0, key.lastIndexOf('/'));

const checkWebhooks = ({ jobs, statuses, webhooks }: Run, checks: Checks): void => {
  const { received, refused } = webhooks;
  exactly(checks, 'webhooks that were not signed as they should', refused.length, 0);
  for (const reason of refused) console.log(`       ${reason}`);
  exactly(checks, 'webhooks', received.length, jobs.length);
  const ids = new Set(received.map(({ webhookId }) => webhookId)).size;
  exactly(checks, 'webhook-ids', ids, jobs.length);
  const told = new Map(received.map(({ status }) => [status.id, status]));
  const same = statuses.filter((status) => endOf(told.get(status.id)) === endOf(status)).length;
  exactly(checks, 'webhooks that tell the same end as /status', same, jobs.length);
};

const endOf = (body: Received['status'] | undefined): string =>
  JSON.stringify([body?.id, body?.status, body?.output, body?.error]);

const checkProgress = ({ progress }: Run, checks: Checks): void => {
  const updates = [...progress.values()].flat();
  const good = updates.filter((update) => /^\{"done":\d+,"of":\d+\}$/.test(update)).length;
  checks.check(good >= 1 && good === updates.length, 'progress updates by /status', good, '>= 1');
};

const checkLogs = ({ logs }: Run, checks: Checks): void => {
  const errors = logs.split('\n').filter((line) => /"level":"(?:error|fatal)"/.test(line));
  exactly(checks, 'errors in the logs', errors.length, 0);
  for (const line of errors.slice(0, 10)) console.log(`       ${line}`);
};
