import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndpointId, InstanceId } from '@switchyard/contracts';
import { createLog } from '@switchyard/runtime';
import { openStore } from '@switchyard/store';
import { createClaimer } from './claim-for-demand.ts';
import { createDemandBook } from './track-demand.ts';

const ENDPOINT = 'echo' as EndpointId;

test('nothing is claimed once the scheduler stops, whoever nudges', async () => {
  const stop = new AbortController();
  const opened = openStore({ url: 'postgres://nobody@127.0.0.1:1/none', applicationName: 'test' });
  const asked: string[] = [];
  const store: typeof opened = {
    ...opened,
    runPinned: ({ name }) => {
      asked.push(name);
      return Promise.resolve([]);
    },
  };
  const demand = createDemandBook();
  const workers = [{ worker: 'w', free: 1 }];
  demand.hear({ instance: 'i', n: 1, seen: 0, endpoints: [{ endpoint: ENDPOINT, workers }] });
  const claimer = createClaimer({
    ...{ store, demand, stop: stop.signal, instance: 's' as InstanceId },
    log: createLog({ level: 'fatal', service: 'scheduler', instance: 's' }),
    broker: {
      hint: () => undefined,
      stats: () => ({ connected: true, hintsDropped: 0, reconnects: 0 }),
    },
    isLimited: () => false,
  });
  claimer.nudged(ENDPOINT);
  await claimer.idle();
  assert.deepEqual(asked, ['claim_jobs']);
  stop.abort();
  claimer.nudged(ENDPOINT);
  claimer.seated(ENDPOINT);
  await claimer.idle();
  assert.deepEqual(asked, ['claim_jobs']);
  await opened.close();
});
