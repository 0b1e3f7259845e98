/** A worker of our library that writes down what it runs, for the fault run. */
import { createHash, randomUUID } from 'node:crypto';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Handler, type Job, rawJson, start } from '@switchyard/worker';
import { openJournal, type RunLine } from './history.ts';

const [folder = '', endpoint = ''] = process.argv.slice(2);
const workerId = process.env.RUNPOD_POD_ID ?? `local-${process.pid}`;
const journal = openJournal<RunLine>(path.join(folder, `runs-${workerId}`));

type Doing = { readonly do?: unknown; readonly ms?: unknown; readonly count?: unknown };

const isDoing = (input: unknown): input is Doing => typeof input === 'object' && input !== null;
const numberOr = (value: unknown, fallback: number): number =>
  typeof value === 'number' ? value : fallback;
const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');

const note = ({ id, rawInput, s3Config }: Job): string => {
  const run = randomUUID();
  const secrets = s3Config === undefined ? {} : { secrets: Object.values(s3Config) };
  const inputSha256 = sha256(rawInput);
  journal.write({ run, workerId, endpoint, jobId: id, atMs: Date.now(), inputSha256, ...secrets });
  return run;
};

const stream = async function* (job: Job, run: string, count: number, signal: AbortSignal) {
  for (let chunk = 0; chunk < count; chunk += 1) {
    yield { run, chunk };
    await pause(50, undefined, { signal });
  }
  // What a generator returns is the output.
  const how = 'returned';
  journal.write({ run, endedAtMs: Date.now(), how, outputSha256: sha256(job.rawInput) });
  return rawJson(job.rawInput);
};

const answer: Handler = (job, { signal, progress }) => {
  const run = note(job);
  const { input } = job;
  const doing = isDoing(input) ? input : {};
  // A worker that dies of its job.
  if (doing.do === 'exit') process.exit(1);
  if (doing.do === 'progress') progress({ run });
  if (doing.do === 'stream') return stream(job, run, numberOr(doing.count, 3), signal);
  return work(job, run, doing, signal);
};

const work = async (job: Job, run: string, doing: Doing, signal: AbortSignal) => {
  try {
    await pause(numberOr(doing.ms, 20), undefined, { signal });
  } catch (error) {
    journal.write({ run, endedAtMs: Date.now(), how: 'stopped' });
    throw error;
  }
  if (doing.do === 'fail') {
    journal.write({ run, endedAtMs: Date.now(), how: 'threw' });
    throw new Error('asked to fail');
  }
  const outputSha256 = sha256(job.rawInput);
  journal.write({ run, endedAtMs: Date.now(), how: 'returned', outputSha256 });
  return rawJson(job.rawInput);
};

start({ handler: answer });
