import { once } from 'node:events';
import http from 'node:http';
import { createInterface } from 'node:readline';
import { ROOT_KEY } from './start-intake.ts';

// biome-ignore lint/suspicious/noExplicitAny: an answer is a job or a problem.
type AnswerLine = any;

/** A bulk submission under way. */
export type Bulk = {
  /** Resolves when the connection takes more. */
  readonly write: (text: string | Buffer) => Promise<void>;
  readonly end: () => void;
  /** The next line of the answer; undefined behind the last. */
  readonly next: () => Promise<AnswerLine>;
  /** All lines that are still to come. */
  readonly rest: () => Promise<AnswerLine[]>;
  /** Resolves when the answer begins. */
  readonly began: Promise<http.IncomingMessage>;
  readonly request: http.ClientRequest;
};

/** Begins one, on a connection of its own. */
export const openBulk = (
  url: string,
  endpoint: string,
  headers: Readonly<Record<string, string>> = {},
): Bulk => {
  const request = http.request(`${url}/v1/endpoints/${endpoint}/jobs/bulk`, {
    method: 'POST',
    agent: false,
    headers: {
      authorization: `Bearer ${ROOT_KEY}`,
      'content-type': 'application/x-ndjson',
      ...headers,
    },
  });
  // Tests that break a connection look at what was answered until then.
  request.on('error', () => undefined);
  const { promise: began, resolve } = Promise.withResolvers<http.IncomingMessage>();
  request.on('response', resolve);
  request.flushHeaders();
  const opened = began.then((response) => {
    response.on('error', () => undefined);
    return createInterface({ input: response })[Symbol.asyncIterator]();
  });
  const next = async (): Promise<AnswerLine> => {
    const { done, value } = await (await opened).next();
    return done ? undefined : JSON.parse(value);
  };
  return {
    write: async (text) => {
      if (!request.write(text)) await once(request, 'drain');
    },
    end: () => request.end(),
    next,
    rest: async () => {
      const lines: AnswerLine[] = [];
      for (let line = await next(); line !== undefined; line = await next()) lines.push(line);
      return lines;
    },
    began,
    request,
  };
};
