import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, test } from 'node:test';
import { appendChunks } from '@switchyard/store';
import { acceptOne, claimOne, finish, makeEndpoint } from '../store/jobs.ts';
import { withStore } from '../support/store.ts';
import type { Evidence } from './check/breach.ts';
import { checkRun, tellBreaches } from './check.ts';
import type { History } from './history.ts';

const database = await withStore();
after(() => database[Symbol.asyncDispose]());
const { store, sql, url } = database;

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

test('what a run wrote down is held against its database', async () => {
  const endpoint = await makeEndpoint(store);
  const jobId = await acceptOne(store, endpoint);
  const { workerId, claimNo } = await claimOne(store, endpoint);
  const output = Buffer.from('{"run":"a","chunk":0}');
  await appendChunks(store, endpoint, [{ jobId, workerId, claimNo, seq: 0, output }]);
  assert(await finish(store, endpoint, { jobId, workerId, claimNo }));
  const inputSha256 = sha256('{"n":1}');
  const common = { endpoint, jobId, atMs: Date.now(), endedAtMs: Date.now() };
  const history: History = {
    operations: [{ kind: 'submit', via: 'http', outcome: 'ok', key: 'k', inputSha256, ...common }],
    runs: [{ ...common, workerId, inputSha256, outputSha256: sha256('{"ok":true}') }],
    ...{ posts: [], events: [], faults: [], strays: [], idleSessions: [], censuses: [] },
  };
  const evidence = { history, databaseUrl: url, logs: '' };
  assert.deepEqual((await checkRun(evidence)).breaches, []);

  const canary = `canary${'0f'.repeat(12)}`;
  const [submitted] = history.operations;
  assert(submitted !== undefined);
  const secretly = { ...history, operations: [{ ...submitted, secrets: [canary] }] };
  await sql(`update results set output = '\\x00'::bytea || $1`, [Buffer.from(`"${canary}"`)]);
  const tellOf = async (one: Evidence) => tellBreaches((await checkRun(one)).breaches);
  const leaked = await tellOf({ ...evidence, history: secretly });
  assert(leaked.some((one) => one.includes('but where it is sealed (1): the tables')));

  await sql(`update jobs set input = 'other' where job_id = $1`, [jobId]);
  await sql('delete from events where job_id = $1 and seq = 3', [jobId]);
  const told = await tellOf(evidence);
  assert(told.some((one) => one === `an input is the bytes that were sent (1): ${jobId}`));
  assert(told.some((one) => one.startsWith('database') && one.includes('(place.event)')));
  assert(told.some((one) => one.startsWith('ends are counted once (1)')));
});
