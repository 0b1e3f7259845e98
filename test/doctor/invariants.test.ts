import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { after, test } from 'node:test';
import type { EndpointId } from '@switchyard/contracts';
import { cancelJobs, requeueJobs, retryJob } from '@switchyard/store';
import {
  accept,
  acceptOne,
  claim,
  claimOne,
  finish,
  makeEndpoint,
  PROCESS,
} from '../store/jobs.ts';
import { freePort } from '../support/free-port.ts';
import { REPOSITORY } from '../support/start-switchyard.ts';
import { withStore } from '../support/store.ts';

const database = await withStore();
after(() => database[Symbol.asyncDispose]());
const { store, sql } = database;

type Said = { readonly code: number; readonly out: string; readonly err: string };

const examine = (args: readonly string[], databaseUrl = database.url): Promise<Said> => {
  const bin = path.join(REPOSITORY, 'packages/cli/bin/switchyard.mjs');
  const env = { PATH: process.env.PATH ?? '', DATABASE_URL: databaseUrl };
  const { promise, resolve } = Promise.withResolvers<Said>();
  const words = [bin, 'doctor', '--invariants', ...args];
  execFile(process.execPath, words, { env }, (error, out, err) =>
    resolve({ code: Number(error?.code ?? 0), out, err }),
  );
  return promise;
};

/** Jobs of every fate, one after the other, until `isOver`. */
const keepBusy = async (endpointId: EndpointId, isOver: () => boolean): Promise<number> => {
  let jobs = 0;
  while (!isOver()) {
    const ids = await accept(
      store,
      endpointId,
      ...Array<object>(12).fill({ webhook: 'http://x/' }),
    );
    jobs += ids.length;
    const [first, second, third, ...rest] = await claim(store, endpointId, 9);
    await Promise.all([
      first && finish(store, endpointId, first, 'FAILED'),
      second && requeueJobs(store, endpointId, PROCESS, 'worker_lost', [second]),
      cancelJobs(store, endpointId, PROCESS, ids.slice(0, 2)),
      third && cancelJobs(store, endpointId, PROCESS, [third.jobId]),
      ...rest.map((job) => finish(store, endpointId, job)),
    ]);
    if (first) await retryJob(store, endpointId, PROCESS, first.jobId);
  }
  return jobs;
};

test('a system at work breaks no invariant, however often one looks', async () => {
  const endpointId = await makeEndpoint(store);
  let looks = 0;
  const busy = Promise.all(Array.from({ length: 2 }, () => keepBusy(endpointId, () => looks >= 2)));
  const told: Said[] = [];
  for (; looks < 2; looks += 1) told.push(await examine(['--json']));
  assert((await busy).every((jobs) => jobs > 0));
  for (const { code, out } of told) {
    const { jobs, ...rest } = JSON.parse(out);
    assert.deepEqual({ code, ...rest }, { code: 0, ok: true, broken: [], left: [] });
    assert(jobs > 0);
  }
});

test('a job that is in two places is named, and one that is nowhere', async () => {
  const endpointId = await makeEndpoint(store);
  const twice = await acceptOne(store, endpointId);
  await claimOne(store, endpointId);
  const lost = await acceptOne(store, endpointId);
  await sql(
    `insert into results (endpoint_id, job_id, status, claim_no, attempts, rank, event_seq,
      finished_at) select endpoint_id, job_id, 'FAILED', 1, 1, 1, 2, now() from leases
      where endpoint_id = $1`,
    [endpointId],
  );
  await sql('delete from queue where endpoint_id = $1', [endpointId]);

  const { code, out, err } = await examine([]);
  assert.equal(code, 1);
  assert.match(out, /not so: A job is in exactly one place.*\(place\.one, 2 times\)/);
  assert.match(out, new RegExp(`${endpointId} ${twice} is in leases and results`));
  assert.match(out, new RegExp(`${endpointId} ${lost} is nowhere`));
  assert.match(out, /\d+ jobs looked at, \d invariants broken/);
  assert.match(err, /jobs looked at \d+\/\d+/);
});

test('a database that is away is told so, and one without a schema', async () => {
  const away = await examine([], `postgres://127.0.0.1:${await freePort()}/x`);
  assert.deepEqual([away.code, away.out], [3, '']);
  assert.match(away.err, /database cannot be asked/);
  const server = new URL(database.url);
  server.pathname = '/postgres';
  const empty = await examine([], server.href);
  assert.deepEqual([empty.code, empty.out], [1, '']);
  assert.match(empty.err, /schema is not this version's/);
});
