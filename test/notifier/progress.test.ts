import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type CloudEvent,
  CloudEventSchema,
  encodeFrame,
  type InstanceId,
  type JobId,
  parseWorkerId,
  topics,
  validator,
  type WorkerId,
} from '@switchyard/contracts';
import { claimJobs } from '@switchyard/store';
import { completeJobs, makeEndpoint, submitJobs } from './make-jobs.ts';
import { type Ground, layGround } from './start-notifier.ts';

const WORKER = parseWorkerId('worker') as WorkerId;
const check = validator(CloudEventSchema);

type Heard = { readonly topic: string; readonly event: CloudEvent; readonly text: string };

/** Hears what is published as progress; `next` is the next that has not been taken. */
const hearProgress = async ({ broker }: Ground, stop: AbortSignal) => {
  const heard: Heard[] = [];
  const waiting: ((next: Heard) => void)[] = [];
  const hear = ({ topic, body }: { topic: string; body: Uint8Array }): void => {
    const text = Buffer.from(body).toString('utf8');
    const checked = check(JSON.parse(text));
    assert(checked.ok, 'a body that is no CloudEvent');
    const one = { topic, event: checked.value, text };
    const next = waiting.shift();
    if (next === undefined) heard.push(one);
    else next(one);
  };
  await broker.listen('switchyard.events.*.progress', hear, stop);
  return (): Promise<Heard> =>
    new Promise((resolve) => {
      const one = heard.shift();
      if (one === undefined) waiting.push(resolve);
      else resolve(one);
    });
};

const tell = ({ broker }: Ground, job: JobId, worker: string, output: string): void => {
  const header = { endpoint: 'echo', job, claimNo: null, worker };
  broker.hint(topics.progress, encodeFrame(header, [Buffer.from(output)]));
};

test('progress of a running job is published once, beside the log', async () => {
  await using ground = await layGround();
  const stop = new AbortController();
  const next = await hearProgress(ground, stop.signal);
  await ground.startNotifier();
  await ground.startNotifier();
  const endpointId = await makeEndpoint(ground.store, 'echo');
  const [jobId] = await submitJobs(ground.store, endpointId, [null]);
  assert(jobId !== undefined);
  const seat = { workerId: WORKER, instance: 'test' as InstanceId };
  await claimJobs(ground.store, endpointId, 'test', [seat], false);
  tell(ground, jobId, 'another-worker', '"not mine"');
  tell(ground, jobId, WORKER, '{"done" : 0.50}');
  const { topic, event, text } = await next();
  assert.equal(topic, 'switchyard.events.echo.progress');
  assert.equal(event.type, 'switchyard.job.progress');
  assert.equal(event.subject, jobId);
  assert.equal(event.sequence, undefined);
  assert.match(text, /"claimNo":1,"output":\{"done" : 0\.50\}\}\}$/);
  tell(ground, jobId, WORKER, '"second"');
  assert.match((await next()).text, /"output":"second"/);
  stop.abort();
});

test('progress that comes after the end is not published', async () => {
  await using ground = await layGround();
  const stop = new AbortController();
  const next = await hearProgress(ground, stop.signal);
  await ground.startNotifier();
  const endpointId = await makeEndpoint(ground.store, 'echo');
  const [ended, running] = await submitJobs(ground.store, endpointId, [null, null]);
  assert(ended !== undefined && running !== undefined);
  await completeJobs(ground.store, endpointId, 1);
  const seat = { workerId: WORKER, instance: 'test' as InstanceId };
  await claimJobs(ground.store, endpointId, 'test', [seat], false);
  tell(ground, ended, WORKER, '"late"');
  tell(ground, running, WORKER, '"in time"');
  assert.match((await next()).text, /"in time"/);
  stop.abort();
});
