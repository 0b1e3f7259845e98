import type { RawAnswer } from '../../conformance/raw-http.ts';
import type { Cell, Checks } from '../support/checks.ts';
import { writeFrame } from '../support/exchange-frame.ts';
import { rawWorker } from '../support/raw-worker.ts';
import { type Side, seenByOwner } from './two-sides.ts';

export type GatewayContext = {
  readonly checks: Checks;
  readonly gatewayUrl: string;
  readonly mine: Side;
  readonly theirs: Side;
};

type Knock = {
  readonly name: string;
  readonly token: string | null;
  readonly endpoint: string;
  readonly status: number;
};

const PAUSE_MS = { least: 4_500, most: 8_000 };
const POLLS = ['job-take', 'job-take-batch', 'job-stop'];

/** Tries every call of the gateway. @returns a cell for each, and how long each poll took. */
const tryGateway = async (gatewayUrl: string, knock: Knock, job: string, workerId: string) => {
  const { token, endpoint, status } = knock;
  const worker = rawWorker({ gatewayUrl, endpoint, token, workerId });
  const output = Buffer.from('{"output":"stolen"}');
  const calls: Readonly<Record<string, () => Promise<RawAnswer>>> = {
    'job-take': () => worker.send('GET', 'job-take', '?gpu=none&job_in_progress=0'),
    'job-take-batch': () => worker.send('GET', 'job-take-batch', '?gpu=none&batch_size=4'),
    'job-stop': () => worker.send('GET', 'job-stop', '?gpu=none'),
    ping: () => worker.send('GET', 'ping', `?job_id=${job}`),
    'job-done': () => worker.done(job, output),
    'job-stream': () => worker.send('POST', 'job-stream', `/${job}?isStream=false`, output),
    exchange: () => worker.send('POST', 'exchange', '', stealing(job)),
  };
  return Promise.all(
    Object.entries(calls).map(async ([name, send]): Promise<Cell> => {
      const startedMs = performance.now();
      const answer = await send();
      const tookMs = Math.round(performance.now() - startedMs);
      const isPoll = POLLS.includes(name);
      const isPaused = tookMs >= PAUSE_MS.least && tookMs <= PAUSE_MS.most;
      const faults = [
        ...(answer.status === status ? [] : [`${answer.status}: ${answer.body.toString()}`]),
        ...(isPoll && !isPaused ? [`a refused poll answered after ${tookMs} ms, not 5 s`] : []),
        ...(answer.body.includes('private') ? ['tells something private'] : []),
      ];
      return { name, fault: faults.length === 0 ? undefined : faults.join('; ') };
    }),
  );
};

/** An exchange that posts an output of `job`. */
const stealing = (job: string): Buffer => {
  const posts = [{ job, claimNo: 1, kind: 'output' }];
  return writeFrame({ free: 0, held: [], waitMs: 0, posts }, [Buffer.from('"stolen"')]);
};

export type OtherKeys = Readonly<Record<string, string | null>>;

/**
 * The gateway opens to the endpoint's own worker token alone: not to that of another endpoint, not
 * to client keys, not to `bad` keys; and a refusal of a poll comes late.
 */
export const checkGateway = async (
  { checks, gatewayUrl, mine, theirs }: GatewayContext,
  clientKeys: OtherKeys,
  badKeys: OtherKeys,
): Promise<void> => {
  const before = await seenByOwner(theirs);
  const { endpoint } = theirs;
  const knocks: Knock[] = [
    { name: "another endpoint's worker token", token: mine.token, endpoint, status: 404 },
    { name: 'a worker token on no endpoint', token: mine.token, endpoint: 'absent', status: 404 },
    ...Object.entries(clientKeys).map(([name, token]) => ({ name, token, endpoint, status: 403 })),
    ...Object.entries(badKeys).map(([name, token]) => ({ name, token, endpoint, status: 401 })),
  ];
  const tables = await Promise.all(
    knocks.map(async (knock, at) => ({
      knock,
      cells: await tryGateway(gatewayUrl, knock, theirs.running, `stranger-${at}`),
    })),
  );
  for (const { knock, cells } of tables) {
    checks.table(`gateway, ${knock.name}: ${knock.status}, polls after 5 s`, cells);
  }
  const own = rawWorker({
    gatewayUrl,
    endpoint: mine.endpoint,
    token: mine.token,
    workerId: 'mine',
  });
  const strange = await own.done(theirs.running, Buffer.from('{"output":"stolen"}'));
  const told = `${strange.status} ${strange.body.toString()}`;
  const wanted = '200 {"accepted":false}';
  checks.check(told === wanted, 'their job, posted on my own path', told, wanted);
  const chunk = Buffer.from('{"output":"stolen"}');
  const streamed = await own.send('POST', 'job-stream', `/${theirs.running}?isStream=false`, chunk);
  const heard = `${streamed.status} ${streamed.body.toString()}`;
  checks.check(
    streamed.status === 200 && !heard.includes('true'),
    'their job, streamed',
    heard,
    wanted,
  );
  const exchanged = await own.send('POST', 'exchange', '', stealing(theirs.running));
  const accepted = /"accepted":\[\w*\]/.exec(exchanged.body.toString())?.[0] ?? exchanged.status;
  const none = '"accepted":[false]';
  checks.check(accepted === none, 'their job, posted in my own exchange', accepted, none);
  const after = await seenByOwner(theirs);
  const isSame = after === before;
  checks.check(isSame, 'what the owner sees afterwards', isSame ? 'the same' : after, 'the same');
};
