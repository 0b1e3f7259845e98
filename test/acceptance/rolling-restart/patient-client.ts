import http from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { type Answer, callsTo, type Sent } from '../support/call-http.ts';

/** A try that was refused or had no answer, and is made again. */
export type FailedTry = {
  readonly operation: Operation;
  /** When it was sent and when it had failed, in ms since 1970. */
  readonly fromMs: number;
  readonly toMs: number;
  /** The status and code of the answer, or the error of the connection. */
  readonly why: string;
};

export const OPERATIONS = ['run', 'runsync', 'status', 'status-sync', 'stream', 'cancel'] as const;
export type Operation = (typeof OPERATIONS)[number];

/** An operation with its answer of 200, or without one when it was given up. */
export type Done = { readonly operation: Operation; readonly tookMs: number; readonly ok: boolean };

export type PatientClient = Disposable & {
  /**
   * Asks until it is answered with 200: again after 1, 2 and 4 s, with the same key and body.
   * @throws Error when the last try failed, or was answered with what no repeat can mend.
   */
  readonly ask: (operation: Operation, line: string, sent?: Sent) => Promise<Answer>;
  readonly done: readonly Done[];
  readonly failedTries: readonly FailedTry[];
};

const RETRY_AFTER_MS = [1_000, 2_000, 4_000] as const;
/** What says "not now"; of everything else a repeat would be told the same. */
const PASSING = new Set([429, 502, 503, 504]);

/** A client on kept connections, as clients have them. */
export const openPatientClient = (apiUrl: string, apiKey: string): PatientClient => {
  const agent = new http.Agent({ keepAlive: true });
  const call = callsTo(apiUrl, apiKey, agent);
  const done: Done[] = [];
  const failedTries: FailedTry[] = [];

  /** The answer of 200, or why there is none. */
  const tryOnce = async (
    operation: Operation,
    line: string,
    sent: Sent,
  ): Promise<Answer | { readonly why: string; readonly isPassing: boolean }> => {
    const fromMs = Date.now();
    const fail = (why: string, isPassing: boolean) => {
      failedTries.push({ operation, fromMs, toMs: Date.now(), why });
      return { why, isPassing };
    };
    try {
      const answer = await call(line, sent);
      if (answer.status === 200) return answer;
      const why = `${answer.status} ${String(answer.json.code ?? answer.text.slice(0, 200))}`;
      return fail(why, PASSING.has(answer.status));
    } catch (error) {
      const cause = error instanceof Error ? (error.cause ?? error) : error;
      return fail(String(cause instanceof Error && 'code' in cause ? cause.code : cause), true);
    }
  };

  return {
    ask: async (operation, line, sent = {}) => {
      const fromMs = performance.now();
      for (let tries = 0; ; tries += 1) {
        const tried = await tryOnce(operation, line, sent);
        const ok = 'status' in tried;
        const againMs = ok || !tried.isPassing ? undefined : RETRY_AFTER_MS[tries];
        if (againMs === undefined) {
          done.push({ operation, tookMs: performance.now() - fromMs, ok });
          if (ok) return tried;
          throw new Error(`${line}: ${tried.why} at try ${tries + 1}`);
        }
        await pause(againMs);
      }
    },
    done,
    failedTries,
    [Symbol.dispose]: () => agent.destroy(),
  };
};
