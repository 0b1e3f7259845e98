import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { EndpointId, InstanceId, JobId, State, WorkerId } from '@switchyard/contracts';
import { claimJobs, finishJobs, retryJob } from '@switchyard/store';
import { readRows } from '../intake/read-rows.ts';
import { startIntake } from '../intake/start-intake.ts';
import { makeEndpoint, submitJobs } from './make-jobs.ts';
import { areClosed, awaitTries } from './read-tries.ts';
import { startReceiver } from './receiver.ts';
import { layGround } from './start-notifier.ts';

const ground = await layGround();
const { store } = ground;
const intake = await startIntake({ databaseUrl: ground.url });
after(async () => {
  await intake[Symbol.asyncDispose]();
  await ground[Symbol.asyncDispose]();
});

const PROCESS = 'test';
const WORKER = 'worker' as WorkerId;
const INSTANCE = 'test' as InstanceId;

/** The one job of an endpoint runs, and ends so. */
const run = async (endpointId: EndpointId, status: 'COMPLETED' | 'FAILED'): Promise<void> => {
  const seat = { workerId: WORKER, instance: INSTANCE };
  const [job] = await claimJobs(store, endpointId, PROCESS, [seat], false);
  assert(job !== undefined);
  const told = Buffer.from('{"n" : 1e400}');
  const [output, error] = status === 'COMPLETED' ? [told, undefined] : [undefined, told];
  const finish = { jobId: job.jobId, workerId: WORKER, claimNo: job.claimNo };
  await finishJobs(store, endpointId, PROCESS, [{ ...finish, status, output, error }]);
};

/** What `GET /status` answers for a job that is in `state`. */
const answerOf = async (endpointId: EndpointId, jobId: JobId, state: State): Promise<string> => {
  const answer = await intake.send(`GET /v2/${endpointId}/status/${jobId}`);
  assert.equal(answer.json.status, state);
  assert.equal(typeof answer.json.switchyard.createdAt, 'string');
  return answer.text;
};

test('a webhook is the answer of the status route, byte for byte, for each end', async () => {
  await using receiver = await startReceiver();
  const expected: string[] = [];
  const endpoints: EndpointId[] = [];
  const make = async (name: string): Promise<{ endpointId: EndpointId; jobId: JobId }> => {
    const endpointId = await makeEndpoint(store, name);
    endpoints.push(endpointId);
    const [jobId] = await submitJobs(store, endpointId, [receiver.url]);
    return { endpointId, jobId: jobId ?? assert.fail('it was made') };
  };

  const completed = await make('completed');
  await readRows(
    ground.url,
    `update queue set escalated_at = statement_timestamp() where endpoint_id = 'completed'`,
  );
  await run(completed.endpointId, 'COMPLETED');
  expected.push(await answerOf(completed.endpointId, completed.jobId, 'COMPLETED'));
  assert.match(expected[0] ?? '', /"escalatedAt":"/);

  const cancelled = await make('cancelled');
  await intake.send(`POST /v2/cancelled/cancel/${cancelled.jobId}`);
  expected.push(await answerOf(cancelled.endpointId, cancelled.jobId, 'CANCELLED'));

  // The delivery of the end that a retry dropped is made after the retry, and tells that end.
  const { endpointId, jobId } = await make('retried');
  await run(endpointId, 'FAILED');
  expected.push(await answerOf(endpointId, jobId, 'FAILED'));
  assert(await retryJob(store, endpointId, PROCESS, jobId));
  await run(endpointId, 'COMPLETED');
  expected.push(await answerOf(endpointId, jobId, 'COMPLETED'));

  await ground.startNotifier();
  for (const endpoint of endpoints) await awaitTries(store, endpoint, areClosed);
  const bodies = receiver.received.map(({ body }) => body.toString());
  assert.deepEqual(bodies.toSorted(), expected.toSorted());
});
