/** One exchange over HTTP: a frame out, a frame back, and every way in which that may fail. */
import http from 'node:http';
import https from 'node:https';
import {
  decodeFrame,
  type ExchangeAnswer,
  ExchangeAnswerSchema,
  validator,
} from '@switchyard/contracts';

export type Reply =
  | { readonly kind: 'answer'; readonly answer: ExchangeAnswer; readonly inputs: Buffer[] }
  | {
      readonly kind: 'refused';
      readonly status: number;
      readonly retryAfterMs: number | undefined;
      /** The problem's code; empty where the answer is not the gateway's. */
      readonly code: string;
      readonly detail: string;
    }
  | { readonly kind: 'unanswered'; readonly detail: string };

export type Call = {
  /** Resolves in any case: a failure is a reply too. */
  readonly reply: Promise<Reply>;
  /** From now on the call fails when no byte comes or goes for `ms`. */
  readonly allowSilence: (ms: number) => void;
  readonly abandon: () => void;
};

export type Gateway = {
  /** Posts `frame`; the call fails when no byte comes or goes for `silenceMs`. */
  readonly post: (frame: Buffer, silenceMs: number) => Call;
  /** Closes the kept connections. */
  readonly close: () => void;
};

/** A held exchange, its successor with results, and room for connections that linger. */
const SOCKETS_MAX = 4;

const checkAnswer = validator(ExchangeAnswerSchema);

/** The gateway at `url`. Nothing is sent before the first `post`. */
export const openGateway = (url: URL, token: string): Gateway => {
  const { Agent, request } = url.protocol === 'https:' ? https : http;
  const agent = new Agent({ keepAlive: true, maxSockets: SOCKETS_MAX });
  const headers = { authorization: token, 'content-type': 'application/octet-stream' };
  return {
    post: (frame, silenceMs) => {
      const call = request(url, {
        method: 'POST',
        agent,
        headers: { ...headers, 'content-length': frame.length },
      });
      const reply = replyTo(call);
      call.on('timeout', () => call.destroy(new Error('The gateway fell silent.')));
      call.setTimeout(silenceMs);
      call.end(frame);
      return {
        reply,
        allowSilence: (ms) => void call.setTimeout(ms),
        abandon: () => void call.destroy(new Error('The worker leaves.')),
      };
    },
    close: () => agent.destroy(),
  };
};

const replyTo = (call: http.ClientRequest): Promise<Reply> =>
  new Promise((resolve) => {
    const fail = (error: NodeJS.ErrnoException) =>
      resolve({ kind: 'unanswered', detail: error.message || (error.code ?? 'no connection') });
    call.on('error', fail);
    call.on('response', (response) => {
      const parts: Buffer[] = [];
      response.on('error', fail);
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => resolve(read(response, Buffer.concat(parts))));
    });
  });

const read = ({ statusCode: status = 0, headers }: http.IncomingMessage, body: Buffer): Reply => {
  if (status >= 500)
    return { kind: 'unanswered', detail: `status ${status} ${fieldIn(body, 'error')}`.trim() };
  if (status !== 200) {
    const seconds = Number(headers['retry-after'] ?? Number.NaN);
    const retryAfterMs = seconds >= 0 ? Math.min(seconds, 3_600) * 1_000 : undefined;
    return {
      kind: 'refused',
      status,
      retryAfterMs,
      code: fieldIn(body, 'code'),
      detail: fieldIn(body, 'error'),
    };
  }
  const frame = decodeFrame(body);
  if (frame === undefined) return { kind: 'unanswered', detail: 'The answer is no frame.' };
  const header = checkAnswer(frame.header);
  if (!header.ok) return { kind: 'unanswered', detail: header.detail };
  if (frame.bodies.length !== header.value.jobs.length) {
    return { kind: 'unanswered', detail: 'The answer has not one body for each job.' };
  }
  return { kind: 'answer', answer: header.value, inputs: frame.bodies };
};

/** What a problem+json body says in `field`. */
const fieldIn = (body: Buffer, field: 'code' | 'error'): string => {
  try {
    const text: unknown = Object(JSON.parse(body.toString()))[field];
    return typeof text === 'string' ? text.slice(0, 300) : '';
  } catch {
    return '';
  }
};
