/** For tests: the gateway's side of the exchange on a real socket, with faults on demand. */
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  decodeFrame,
  type ExchangeAnswer,
  type ExchangeRequest,
  ExchangeRequestSchema,
  encodeFrame,
  validator,
} from '@switchyard/contracts';

type Stored = {
  job: string;
  claimNo: number;
  kind: string;
  seq?: number | undefined;
  body: string;
};
type Fault =
  | 'reset'
  | 'reset after storing'
  | { status: number; code?: string; retryAfter?: string };
type Held = { response: http.ServerResponse; request: ExchangeRequest; answer: ExchangeAnswer };

const checkRequest = validator(ExchangeRequestSchema);
const JOB = { claimNo: 1, executionTimeoutMs: 600_000 };

export class ScriptedExchange implements AsyncDisposable {
  /** Everything stored, in order; what was repeated stands here once. */
  readonly stored: Stored[] = [];
  readonly requests: (ExchangeRequest & { authorization: string | undefined; url: string })[] = [];
  /** Asked for each exchange; what it gives is done to it. */
  fault: (request: ExchangeRequest) => Fault | undefined = () => undefined;
  readonly #server = http.createServer((request, response) => void this.#hear(request, response));
  readonly #queue: { header: ExchangeAnswer['jobs'][number]; input: Buffer }[] = [];
  #stops: ExchangeAnswer['stop'] = [];
  readonly #leases = new Set<string>();
  readonly #looks = new Set<() => void>();
  #held: Held | undefined;
  #draining = false;
  #port = 0;

  async listen(): Promise<this> {
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  /** Ends every connection, as a killed process would. `listen` takes the same port again. */
  async die(): Promise<void> {
    this.#held = undefined;
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.die();
  }

  /** What `start` is to be given to meet this gateway. */
  get connection() {
    const gatewayUrl = `http://127.0.0.1:${this.#port}`;
    return { gatewayUrl, endpoint: 'echo', token: 'worker-token', workerId: 'worker-1' };
  }

  give(job: string, input: unknown, more: Partial<ExchangeAnswer['jobs'][number]> = {}): void {
    const bytes = Buffer.isBuffer(input) ? input : Buffer.from(JSON.stringify(input));
    this.#queue.push({ header: { job, ...JOB, ...more }, input: bytes });
    this.#release();
  }

  /** Stops `job`, and says so again until the worker does not list it any more. */
  stop(job: string, claimNo = 1): void {
    this.#leases.delete(job);
    this.#stops.push({ job, claimNo, reason: 'cancelled' });
    this.#release();
  }

  drain(): void {
    this.#draining = true;
    this.#release();
  }

  /** Resolves with what `look` gives, as soon as that is not undefined. */
  until<Value>(look: () => Value | undefined): Promise<Value> {
    return new Promise((resolve) => {
      const again = () => {
        const value = look();
        if (value === undefined) return;
        this.#looks.delete(again);
        resolve(value);
      };
      this.#looks.add(again);
      again();
    });
  }

  /** Resolves with the last post of `job`. */
  endOf(job: string): Promise<Stored> {
    return this.until(() =>
      this.stored.find((post) => post.job === job && /^(?:output|error)$/.test(post.kind)),
    );
  }

  async #hear(call: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    try {
      for await (const part of call) parts.push(part);
    } catch {
      return;
    }
    const frame = decodeFrame(Buffer.concat(parts));
    const checked = checkRequest(frame?.header);
    if (frame === undefined || !checked.ok) {
      response.writeHead(400).end(JSON.stringify({ error: 'The frame is not valid.' }));
      return;
    }
    const request = checked.value;
    const { authorization } = call.headers;
    this.#stops = this.#stops.filter(({ job }) => request.held.includes(job));
    this.requests.push({ ...request, authorization, url: call.url ?? '' });
    const fault = this.fault(request);
    if (fault === undefined || fault === 'reset after storing') {
      this.#answerHeld();
      const accepted = request.posts.map((post, index) => this.#store(post, frame.bodies[index]));
      if (fault === undefined) this.#hold({ response, request, answer: empty(accepted) });
    }
    if (typeof fault === 'string') call.socket.resetAndDestroy();
    else if (fault !== undefined) {
      const headers = fault.retryAfter === undefined ? {} : { 'retry-after': fault.retryAfter };
      response
        .writeHead(fault.status, headers)
        .end(JSON.stringify({ code: fault.code, error: 'Refused by test.' }));
    }
    for (const look of [...this.#looks]) look();
  }

  #store(post: ExchangeRequest['posts'][number], body: Buffer = Buffer.alloc(0)): boolean {
    if (!this.#leases.has(post.job)) return false;
    const { job, claimNo, kind, seq } = post;
    const isRepeat = seq !== undefined && this.stored.some((s) => s.job === job && s.seq === seq);
    if (!isRepeat) this.stored.push({ job, claimNo, kind, seq, body: body.toString() });
    if (kind === 'output' || kind === 'error') this.#leases.delete(job);
    return !isRepeat;
  }

  #hold(held: Held): void {
    this.#held = held;
    if (held.request.posts.length > 0 || held.request.waitMs === 0) this.#answerHeld();
    else this.#release();
  }

  #release(): void {
    const { free = 0 } = this.#held?.request ?? {};
    const jobs = free > 0 && this.#queue.length > 0;
    if (jobs || this.#stops.length > 0 || (this.#draining && free > 0)) this.#answerHeld();
  }

  #answerHeld(): void {
    const held = this.#held;
    this.#held = undefined;
    if (held === undefined) return;
    const jobs = this.#queue.splice(0, held.request.free);
    for (const { header } of jobs) this.#leases.add(header.job);
    const header = { ...held.answer, jobs: jobs.map((one) => one.header), stop: this.#stops };
    const inputs = jobs.map(({ input }) => input);
    held.response.writeHead(200, { 'content-type': 'application/octet-stream' });
    held.response.end(encodeFrame({ ...header, drain: this.#draining }, inputs));
  }
}

const empty = (accepted: boolean[]): ExchangeAnswer => ({
  accepted,
  jobs: [],
  stop: [],
  drain: false,
});
