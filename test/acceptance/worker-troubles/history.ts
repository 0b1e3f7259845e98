import { setTimeout as pause } from 'node:timers/promises';
import { type JobDetail, JobDetailSchema, validator } from '@switchyard/contracts';
import { runSwitchyard } from '../doctor/run-doctor.ts';
import type { Call } from '../support/call-http.ts';
import type { Checks } from '../support/checks.ts';

const LOOK_AGAIN_MS = 250;
const check = validator(JobDetailSchema);

/** What the cases need of the system that they run in. */
export type Trouble = {
  readonly checks: Checks;
  readonly call: Call;
  readonly gatewayUrl: string;
  readonly token: string;
  /** For the command line: its server and its key. */
  readonly env: Readonly<Record<string, string>>;
};

/** The job as `GET /v1/jobs/{id}` tells it. @throws Error when that is not what the schema says. */
export const readJob = async (call: Call, id: string): Promise<JobDetail> => {
  const { text } = await call(`GET /v1/jobs/${id}`);
  const read = check(JSON.parse(text));
  if (!read.ok) throw new Error(`${read.detail} ${text.slice(0, 500)}`);
  return read.value;
};

/** The job once `holds`. @throws Error with its history after `timeoutMs`. */
export const untilJob = async (
  call: Call,
  id: string,
  holds: (job: JobDetail) => boolean,
  timeoutMs: number,
): Promise<JobDetail> => {
  const untilMs = performance.now() + timeoutMs;
  for (;;) {
    const job = await readJob(call, id);
    if (holds(job)) return job;
    if (performance.now() > untilMs) throw new Error(`in vain: ${JSON.stringify(job.events)}`);
    await pause(LOOK_AGAIN_MS);
  }
};

/** How long it took from one event of a job to another, by the database's clock, in ms. */
export const between = (job: JobDetail, from: number, to: number): number => {
  const at = (seq: number) => Date.parse(job.events.find((one) => one.seq === seq)?.at ?? '');
  return at(to) - at(from);
};

/**
 * Prints the history that `switchyard job` shows, and checks that it tells the events of the API in
 * its words.
 */
export const showHistory = async (
  { checks, env }: Trouble,
  name: string,
  job: JobDetail,
): Promise<void> => {
  const { exitCode, text } = await runSwitchyard(['job', job.id], env);
  const told = job.events.filter((event) => text.includes(event.text));
  const ok = exitCode === 0 && told.length === job.events.length;
  const figure = `${told.length} of ${job.events.length} events`;
  checks.check(ok, `${name}: told by switchyard job`, figure, 'all of them');
  for (const line of text.split('\n').filter((one) => /^\d{4}-/.test(one))) {
    console.log(`       ${line}`);
  }
};
