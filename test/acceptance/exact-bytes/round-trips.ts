import { type Call, textIn } from '../support/call-http.ts';
import type { Cell, Checks } from '../support/checks.ts';
import type { RawWorker } from '../support/raw-worker.ts';
import { endOf, submit } from '../support/setup-calls.ts';
import { faultIn } from '../support/value-bytes.ts';
import type { WebhookTarget } from '../support/webhook-target.ts';
import { INPUTS, type Input } from './inputs.ts';

export type RoundTripContext = {
  readonly checks: Checks;
  readonly call: Call;
  readonly worker: RawWorker;
  readonly target: WebhookTarget;
  readonly endpoint: string;
  /** An endpoint that a worker of our own library serves, which gives every input back. */
  readonly libraryEndpoint: string;
};

/** A submission of `input` with white space around it, which is the envelope's and not kept. */
const bodyOf = ({ bytes }: Input, webhook: string): Buffer =>
  Buffer.concat([
    Buffer.from('{ "input" : \n'),
    bytes,
    Buffer.from(`\t, "webhook": ${JSON.stringify(webhook)} }`),
  ]);

const completed =
  (job: string) =>
  ({ id, status }: Readonly<Record<string, unknown>>): string | undefined =>
    id === job && status === 'COMPLETED' ? undefined : `${id} is ${status}`;

/** Sends every input through a worker on a plain socket and compares the bytes at each stop. */
export const checkRawWorker = async (context: RoundTripContext): Promise<void> => {
  const { checks, call, worker, target, endpoint } = context;
  const cells = { taken: [] as Cell[], status: [] as Cell[], stream: [] as Cell[] };
  const jobs: { job: string; input: Input }[] = [];
  for (const input of INPUTS) {
    const { name, bytes } = input;
    const job = await submit(call, endpoint, bodyOf(input, target.url));
    const taken = await worker.take();
    const isIt = ({ id }: Readonly<Record<string, unknown>>) =>
      id === job ? undefined : `another job, ${id}`;
    cells.taken.push({ name, fault: faultIn(taken, 'input', bytes, isIt) });
    const output = Buffer.concat([Buffer.from('{"output":'), bytes, Buffer.from('}')]);
    await worker.send('POST', 'job-stream', `/${job}?gpu=none&isStream=false`, output);
    await worker.done(job, output);
    const status = await call(`GET /v2/${endpoint}/status/${job}`);
    cells.status.push({ name, fault: faultIn(status.bytes, 'output', bytes, completed(job)) });
    const stream = await call(`GET /v2/${endpoint}/stream/${job}`);
    cells.stream.push({ name, fault: faultIn(stream.bytes, 'output', bytes) });
    jobs.push({ job, input });
  }
  const webhooks: Cell[] = [];
  for (const { job, input } of jobs) {
    const body = await target.bodyFor(job).catch((error: Error) => Buffer.from(error.message));
    webhooks.push({
      name: input.name,
      fault: faultIn(body, 'output', input.bytes, completed(job)),
    });
  }
  checks.table('input bytes at a worker on a plain socket', cells.taken);
  checks.table('output bytes in /status', cells.status);
  checks.table('chunk bytes in /stream', cells.stream);
  checks.table('output bytes in the webhook', webhooks);
};

/** The same through our own worker library, over the exchange. */
export const checkLibraryWorker = async (context: RoundTripContext): Promise<void> => {
  const { checks, call, target, libraryEndpoint: endpoint } = context;
  const cells: Record<'runsync' | 'status' | 'webhook', Cell[]> = {
    runsync: [],
    status: [],
    webhook: [],
  };
  for (const input of INPUTS) {
    const { name, bytes } = input;
    const answer = await call(`POST /v2/${endpoint}/runsync?wait=30000`, {
      body: bodyOf(input, target.url),
    });
    const job = String(answer.json.id);
    cells.runsync.push({ name, fault: faultIn(answer.bytes, 'output', bytes, completed(job)) });
    const later = submit(call, endpoint, bodyOf(input, target.url));
    const status = await endOf(call, endpoint, await later);
    const fits = completed(textIn(status, 'id'));
    cells.status.push({ name, fault: faultIn(status.bytes, 'output', bytes, fits) });
    const body = await target.bodyFor(job).catch((error: Error) => Buffer.from(error.message));
    cells.webhook.push({ name, fault: faultIn(body, 'output', bytes, completed(job)) });
  }
  checks.table('our library: output bytes in /runsync', cells.runsync);
  checks.table('our library: output bytes in /status', cells.status);
  checks.table('our library: output bytes in the webhook', cells.webhook);
};
