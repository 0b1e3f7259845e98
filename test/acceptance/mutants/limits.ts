import { setTimeout as pause } from 'node:timers/promises';
import { TRESPASSES, trespass } from '../../fault/load/trespass.ts';
import { type Stage, sha256, submit, untilState } from './stage.ts';
import { startWorker } from './start-worker.ts';

const END_WAIT_MS = 20_000;
const WAITING_JOBS = 10;
/** What waited so long before a claim was there for it. */
const WAITED_MS = 2_000;

/** Jobs that wait in a line for one worker with room for one. */
export const turns = async (stage: Stage): Promise<void> => {
  const { folder } = stage;
  const endpoint = 'turns';
  const ids: string[] = [];
  for (let n = 0; n < WAITING_JOBS; n += 1) {
    const input = `{"do":"echo","ms":100,"turn":${n}}`;
    ids.push(await submit(stage, { endpoint, key: `turn-${n}`, input }));
  }
  await pause(WAITED_MS);
  await using _ = startWorker({ ...stage.asker(endpoint, 'turns-one'), concurrency: 1, folder });
  for (const id of ids) await untilState(stage, endpoint, id, ['COMPLETED'], END_WAIT_MS);
};

/** A job whose webhook is to go where none may. */
export const targets = async (stage: Stage): Promise<void> => {
  const { folder, forbiddenUrl } = stage;
  const endpoint = 'targets';
  await using _ = startWorker({ ...stage.asker(endpoint, 'targets-one'), concurrency: 1, folder });
  const input = '{"do":"echo","target":1}';
  const { outcome, json } = await stage.ask(
    { kind: 'submit', endpoint, key: 'target', inputSha256: sha256(input), hasWebhook: true },
    `POST /v2/${endpoint}/run`,
    {
      body: `{"input":${input},"webhook":"${forbiddenUrl}/targets/200"}`,
      headers: { 'idempotency-key': 'target' },
    },
  );
  if (outcome !== 'ok') return;
  await untilState(stage, endpoint, String(json.id), ['COMPLETED'], END_WAIT_MS);
};

/** A job that is asked for with the key of another endpoint, in every way. */
export const reach = async (stage: Stage): Promise<void> => {
  const { folder } = stage;
  const endpoint = 'closed';
  const input = '{"do":"echo","reach":1}';
  const jobId = await submit(stage, { endpoint, key: 'reach', input });
  for (const way of TRESPASSES) await trespass(stage.limited, way, { endpoint }, jobId);
  await using _ = startWorker({ ...stage.asker(endpoint, 'reach-one'), concurrency: 1, folder });
  await untilState(stage, endpoint, jobId, ['COMPLETED', 'CANCELLED'], END_WAIT_MS);
};
