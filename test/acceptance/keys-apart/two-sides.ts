import { type Call, callsTo, type Sent } from '../support/call-http.ts';
import type { RawWorker } from '../support/raw-worker.ts';
import { endOf, makeEndpoint, makeKey, submit } from '../support/setup-calls.ts';

/** One tenant: an endpoint, the jobs on it and the key that opens it and no other. */
export type Side = {
  readonly endpoint: string;
  readonly call: Call;
  readonly keyId: string;
  readonly ended: string;
  readonly failed: string;
  readonly running: string;
  readonly queued: string;
  readonly token: string;
  /** Tells the gateway that the worker is there and holds the running job. */
  readonly ping: () => Promise<unknown>;
  /** Texts that only this side may be told. */
  readonly private: readonly string[];
};

export type SideContext = {
  readonly root: Call;
  readonly apiUrl: string;
  readonly worker: (endpoint: string, token: string) => RawWorker;
  readonly webhook: string;
};

/** Makes a side with a job in each state and a key with the scopes submit, read and admin. */
export const makeSide = async (context: SideContext, endpoint: string): Promise<Side> => {
  const { root, apiUrl, worker: workerOf, webhook } = context;
  const name = `private-name-of-${endpoint}`;
  await makeEndpoint(root, endpoint, { name });
  const endpoints = [endpoint];
  const { id: keyId, key } = await makeKey(root, {
    scopes: ['submit', 'read', 'admin'],
    endpoints,
    name: `private-key-of-${endpoint}`,
  });
  const { key: token } = await makeKey(root, { scopes: ['worker'], endpoints });
  const call = callsTo(apiUrl, key);
  const worker = workerOf(endpoint, token);
  await worker.untilLetIn();
  const run = (): Promise<string> =>
    submit(call, endpoint, { input: `private-input-of-${endpoint}`, webhook });
  const take = async (): Promise<string> => {
    const job = await run();
    await worker.take();
    return job;
  };
  const ended = await take();
  const output = Buffer.from(`{"output":"private-output-of-${endpoint}"}`);
  await worker.send('POST', 'job-stream', `/${ended}?isStream=false`, output);
  await worker.done(ended, output);
  const failed = await take();
  await worker.done(failed, Buffer.from(`{"error":"private-error-of-${endpoint}"}`));
  await endOf(call, endpoint, failed);
  const running = await take();
  const queued = await run();
  const jobs = [ended, failed, running, queued];
  const ping = () => worker.send('GET', 'ping', `?job_id=${running}`);
  const texts = [name, `private-key-of-${endpoint}`, `-of-${endpoint}`, keyId, ...jobs];
  const states = { ended, failed, running, queued };
  return { endpoint, call, keyId, ...states, token, ping, private: texts };
};

/** A body that the route would take; it changes something only where it is let in by mistake. */
export const bodyFor = (method: string, path: string, side: Side): Sent => {
  if (method === 'GET' || method === 'DELETE') return {};
  if (path === 'POST /v1/endpoints') return { body: { id: side.endpoint } };
  if (path === 'POST /v1/keys') {
    return { body: { name: 'x', scopes: ['read'], endpoints: [side.endpoint] } };
  }
  if (method === 'PATCH') return { body: { name: 'changed' } };
  return { body: { input: 1 } };
};

/** What the owner sees of its side; equal before and after what others did. */
export const seenByOwner = async (side: Side): Promise<string> => {
  const { call, endpoint, ended, failed, running, queued } = side;
  const seen: unknown[] = [];
  for (const job of [ended, failed, running, queued]) {
    const { json } = await call(`GET /v2/${endpoint}/status/${job}`);
    seen.push([json.id, json.status, json.output, json.error]);
  }
  seen.push((await call(`GET /v1/endpoints/${endpoint}`)).text);
  seen.push((await call('GET /v1/keys')).text);
  seen.push(Object((await call(`GET /v2/${endpoint}/health`)).json).jobs);
  seen.push((await call(`GET /v2/${endpoint}/stream/${ended}?from=0`)).text);
  return JSON.stringify(seen);
};
