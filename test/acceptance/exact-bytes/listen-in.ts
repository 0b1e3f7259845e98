import { connect } from 'nats';
import type { Switchyard } from '../../support/start-switchyard.ts';
import { type Answer, type Call, callsTo, type Sent } from '../support/call-http.ts';

/** A call whose answers are all kept, heads too. */
export type KeptCalls = { readonly call: Call; readonly heard: string[] };

/** Keeps what `call` is answered. */
export const keepAnswers = (call: Call): KeptCalls => {
  const heard: string[] = [];
  return {
    heard,
    call: async (line: string, sent?: Sent): Promise<Answer> => {
      const answer = await call(line, sent);
      heard.push(`${JSON.stringify(answer.headers)}\n${answer.text}`);
      return answer;
    },
  };
};

/** Every message that passes the broker from now on, as text. */
export const tapBroker = async (url: string) => {
  const connection = await connect({ servers: url });
  const passed: string[] = [];
  connection.subscribe('>', {
    callback: (error, message) => {
      if (error !== null) throw error;
      passed.push(`${message.subject} ${Buffer.from(message.data).toString('latin1')}`);
    },
  });
  await connection.flush();
  return { passed, [Symbol.asyncDispose]: () => connection.close() };
};

const EVENTS_MS = 2_000;

/** What an endless answer says in two seconds; empty where there is no such route. */
const listenTo = async (url: string, key: string): Promise<string> => {
  let text = '';
  try {
    const signal = AbortSignal.timeout(EVENTS_MS);
    const answer = await fetch(url, { headers: { authorization: `Bearer ${key}` }, signal });
    for await (const piece of answer.body ?? []) text += Buffer.from(piece).toString('utf8');
  } catch (error) {
    if (!(error instanceof Error && /Timeout|Abort/.test(error.name))) throw error;
  }
  return text;
};

export type Place = {
  readonly switchyard: Switchyard;
  readonly call: Call;
  readonly endpoint: string;
  readonly jobs: readonly string[];
};

/** Asks every GET route that the API describes, for each of the jobs, and every /metrics. */
export const askEverything = async ({ switchyard, call, endpoint, jobs }: Place) => {
  const { json } = await call('GET /openapi.json');
  const paths = Object.entries(Object(json.paths)).filter(([, at]) => 'get' in Object(at));
  const texts: string[] = [];
  const lines = new Set<string>();
  for (const [path] of paths) {
    for (const job of jobs) {
      lines.add(path.replace('{endpoint}', endpoint).replace('{job}', job));
    }
  }
  for (const job of jobs) lines.add(`/v2/${endpoint}/stream/${job}?from=0`);
  for (const line of lines) {
    if (/\/events$/.test(line)) {
      texts.push(await listenTo(`${switchyard.apiUrl}${line}`, switchyard.apiKey));
    } else {
      await call(`GET ${line}`);
    }
  }
  for (const { url } of switchyard.processes) {
    texts.push((await callsTo(url, switchyard.apiKey)('GET /metrics')).text);
  }
  return { routes: lines.size, texts };
};
