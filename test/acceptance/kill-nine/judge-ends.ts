import { setTimeout as pause } from 'node:timers/promises';
import { inputOf } from '../load/posting-plan.ts';
import { type JobReader, tally, tellTally } from '../load/read-jobs.ts';
import type { Checks } from '../support/checks.ts';
import type { WebhookReceiver } from './webhook-receiver.ts';

export type Judging = {
  readonly checks: Checks;
  readonly reader: JobReader;
  /** The id of each acknowledged job by its number. */
  readonly acknowledged: ReadonlyMap<number, string>;
  readonly receiver: WebhookReceiver;
  readonly webhookEvery: number;
};

const TERMINAL = new Set(['COMPLETED', 'FAILED', 'CANCELLED', 'TIMED_OUT']);
const SPENT = /failed after \d+ of \d+ attempts: .*/;
const WEBHOOKS_WAIT_MS = 60_000;
/** Long enough for a second terminal state to come, were there any way to it. */
const UNCHANGED_MS = 3_000;

/** Whether each acknowledged job is there, has one end, and the right one. */
export const judgeEnds = async (judging: Judging): Promise<void> => {
  const { checks, reader, acknowledged } = judging;
  const ids = [...acknowledged.values()];
  const statuses = await reader.statuses(ids);
  const lost = ids.filter((id) => statuses.get(id) === undefined);
  checks.check(lost.length === 0, 'acknowledged jobs that are lost', lost.length, 0);
  const stateOf = (id: string): string => statuses.get(id)?.body.status ?? 'lost';
  const ended = ids.filter((id) => TERMINAL.has(stateOf(id)));
  checks.check(
    ended.length === ids.length,
    'acknowledged jobs by state',
    tellTally(tally(ids.map(stateOf))),
    `${ids.length} terminal`,
  );

  const others = ended.filter((id) => stateOf(id) !== 'COMPLETED');
  const reasons = others.map((id) => SPENT.exec(statuses.get(id)?.text ?? '')?.[0] ?? 'other');
  checks.check(
    !reasons.includes('other'),
    'not COMPLETED, and why',
    tellTally(tally(reasons)),
    'only those whose attempts were spent',
  );
  const altered = [...acknowledged].filter(([n, id]) => {
    const found = statuses.get(id);
    return found?.body.status === 'COMPLETED' && !found.text.includes(`"output":${inputOf(n)}`);
  });
  checks.check(altered.length === 0, 'outputs that are not the bytes sent', altered.length, 0);

  await pause(UNCHANGED_MS);
  const listed = new Map((await reader.requests()).map(({ id, status }) => [id, status]));
  const changed = ids.filter((id) => listed.get(id) !== stateOf(id));
  checks.check(
    changed.length === 0,
    'ends that changed, or differ in /requests',
    changed.length,
    0,
  );
  const known = new Set(ids);
  const strangers = [...listed.keys()].filter((id) => !known.has(id)).length;
  checks.check(
    new Set(ids).size === ids.length && strangers === 0,
    'jobs made twice for one key',
    strangers + ids.length - new Set(ids).size,
    0,
  );
  await judgeWebhooks(judging, stateOf);
};

const judgeWebhooks = async (
  { checks, acknowledged, receiver, webhookEvery }: Judging,
  stateOf: (id: string) => string,
): Promise<void> => {
  const hooked = [...acknowledged].filter(([n]) => n % webhookEvery === 0).map(([, id]) => id);
  const isTold = (id: string) => receiver.statusesOf(id).includes(stateOf(id));
  const untilMs = performance.now() + WEBHOOKS_WAIT_MS;
  while (!hooked.every(isTold) && performance.now() < untilMs) await pause(100);
  const told = hooked.filter(isTold).length;
  checks.check(
    told === hooked.length && hooked.length > 0,
    'webhooks with the final status',
    told,
    `all ${hooked.length}`,
  );
  const wrong = hooked.filter((id) => receiver.statusesOf(id).some((one) => one !== stateOf(id)));
  checks.check(wrong.length === 0, 'webhooks with another status', wrong.length, 0);
  const repeats = hooked.reduce(
    (sum, id) => sum + Math.max(0, receiver.statusesOf(id).length - 1),
    0,
  );
  console.log(`     webhooks sent again: ${repeats}`);
};
