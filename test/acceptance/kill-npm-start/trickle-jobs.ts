import { setTimeout as pause } from 'node:timers/promises';
import { callsTo } from '../support/call-http.ts';
import type { Home } from './npm-start.ts';

export const ENDPOINT = 'echo';

export type Trickle = {
  /** The ids that were acknowledged so far. */
  readonly acknowledged: readonly string[];
  readonly stop: () => Promise<void>;
};

const LANES = 8;
const BETWEEN_MS = 10;

/** Posts jobs one after the other on a few lanes; what is not acknowledged is not counted. */
export const trickleJobs = (home: Home): Trickle => {
  const call = callsTo(home.apiUrl, home.apiKey);
  const acknowledged: string[] = [];
  let isStopped = false;
  const lane = async (number: number): Promise<void> => {
    for (let n = 0; !isStopped; n += 1) {
      const body = { input: { lane: number, n } };
      const answer = await call(`POST /v2/${ENDPOINT}/run`, { body }).catch(() => undefined);
      const id = answer?.status === 200 ? answer.json.id : undefined;
      if (typeof id === 'string') acknowledged.push(id);
      await pause(BETWEEN_MS);
    }
  };
  const lanes = Array.from({ length: LANES }, (_, number) => lane(number));
  return {
    acknowledged,
    stop: async () => {
      isStopped = true;
      await Promise.all(lanes);
    },
  };
};
