import { setTimeout as pause } from 'node:timers/promises';
import { type RawAnswer, sendRaw } from '../../conformance/raw-http.ts';
import { readFrame, writeFrame } from './exchange-frame.ts';

/** A worker that speaks RunPod's protocol over plain sockets and keeps every byte that it got. */
export type RawWorker = {
  /** Polls until there is a job. @returns the answer's body. */
  take(): Promise<Buffer>;
  /** Any call of the gateway: `send('GET', 'ping')`; `rest` follows the worker's id. */
  send(method: 'GET' | 'POST', name: string, rest?: string, body?: Buffer): Promise<RawAnswer>;
  /** Pings until the gateway lets the worker in: it learns of a new endpoint only after a while. */
  untilLetIn(): Promise<void>;
  /** Waits for one job by the exchange of our own library. @returns the answer's body, a frame. */
  exchange(): Promise<Buffer>;
  /** Posts to job-done. */
  done(job: string, body: Buffer): Promise<RawAnswer>;
};

export type RawWorkerSettings = {
  readonly gatewayUrl: string;
  readonly endpoint: string;
  /** Sent bare, as RunPod's worker does; null for none. */
  readonly token: string | null;
  readonly workerId: string;
};

/** Longer than a poll is held. */
const ANSWER_MAX_MS = 60_000;
const EXCHANGE_WAIT_MS = 10_000;
const POLLS_MAX = 3;
const LET_IN_MAX_MS = 30_000;
const LOOK_AGAIN_MS = 50;

/** A worker that has not called yet. */
export const rawWorker = (settings: RawWorkerSettings): RawWorker => {
  const { gatewayUrl, endpoint, token, workerId } = settings;
  const origin = new URL(gatewayUrl);
  const send: RawWorker['send'] = (method, name, rest = '', body = Buffer.alloc(0)) => {
    const head = [
      `${method} /v2/${endpoint}/${name}/${workerId}${rest} HTTP/1.1`,
      `Host: ${origin.host}`,
      ...(token === null ? [] : [`Authorization: ${token}`]),
      'Content-Type: application/x-www-form-urlencoded',
      ...(method === 'POST' ? [`Content-Length: ${body.length}`] : []),
      '',
      '',
    ];
    return sendRaw(origin, Buffer.concat([Buffer.from(head.join('\r\n')), body]), ANSWER_MAX_MS);
  };
  return {
    send,
    untilLetIn: async () => {
      const untilMs = performance.now() + LET_IN_MAX_MS;
      for (;;) {
        const { status, body } = await send('GET', 'ping');
        if (status === 200) return;
        if (performance.now() > untilMs) throw new Error(`${status} ${body.toString()}`);
        await pause(LOOK_AGAIN_MS);
      }
    },
    take: async () => {
      for (let polls = 0; polls < POLLS_MAX; polls += 1) {
        const answer = await send('GET', 'job-take', '?gpu=none&job_in_progress=0');
        if (answer.status === 200) return answer.body;
        if (answer.status !== 204) throw new Error(`${answer.status} ${answer.body.toString()}`);
      }
      throw new Error(`no job for ${workerId} of ${endpoint} in ${POLLS_MAX} polls`);
    },
    exchange: async () => {
      const asking = writeFrame({ free: 1, held: [], waitMs: EXCHANGE_WAIT_MS, posts: [] }, []);
      for (let asked = 0; asked < POLLS_MAX; asked += 1) {
        const { status, body } = await send('POST', 'exchange', '', asking);
        if (status !== 200) throw new Error(`${status} ${body.toString()}`);
        if (readFrame(body).bodies.length > 0) return body;
      }
      throw new Error(`no job for ${workerId} of ${endpoint} in ${POLLS_MAX} exchanges`);
    },
    done: (job, body) => send('POST', 'job-done', `/${job}?gpu=none&isStream=false`, body),
  };
};
