import { setTimeout as pause } from 'node:timers/promises';
import type { DeadLetter, Producer } from '../../support/producer.ts';
import { inputOf } from '../load/posting-plan.ts';
import { type JobReader, tally, tellTally } from '../load/read-jobs.ts';
import type { JournalWorker } from '../load/start-journal-worker.ts';
import type { Checks } from '../support/checks.ts';
import type { Planned } from './plan-backlog.ts';

const LETTERS_WAIT_MS = 60_000;

/** Whether each good submission became one job that ran once and gave its own bytes back. */
export const judgeJobs = async (
  checks: Checks,
  reader: JobReader,
  workers: readonly JournalWorker[],
  plan: readonly Planned[],
): Promise<void> => {
  const good = plan.filter(({ poison }) => poison === undefined);
  const listed = await reader.requests();
  const states = tally(listed.map(({ status }) => status));
  checks.check(
    states.get('COMPLETED') === good.length && listed.length === good.length,
    'jobs',
    tellTally(states),
    `COMPLETED ${good.length}, no other`,
  );
  const ids = new Set(listed.map(({ id }) => id));
  const starts = tally(workers.flatMap((worker) => worker.starts()));
  const total = [...starts.values()].reduce((sum, times) => sum + times, 0);
  const once = [...starts].filter(([id, times]) => times === 1 && ids.has(id)).length;
  checks.check(
    once === good.length && total === good.length,
    'jobs that ran exactly once, by the journals of the workers',
    `${once} of ${total} starts`,
    `all ${good.length}`,
  );
  const texts = [...(await reader.statuses(ids)).values()].map((found) => found?.text ?? '');
  const outputs = tally(texts.flatMap((text) => /"output":(\{.*?\})/.exec(text)?.[1] ?? []));
  const exact = good.filter(({ n }) => outputs.get(inputOf(n)) === 1).length;
  checks.check(
    exact === good.length,
    'inputs that came back once, to the byte',
    exact,
    good.length,
  );
};

/** Whether the dead letters are the poison ones with their reasons, and nothing else. */
export const judgeDeadLetters = async (
  checks: Checks,
  producer: Producer,
  plan: readonly Planned[],
): Promise<void> => {
  const poison = new Map(plan.flatMap((one) => (one.poison ? [[one.id, one.poison]] : [])));
  const letters = await lettersOf(producer, poison.size);
  const ids = new Set(letters.map(idOf));
  const buried = [...poison.keys()].filter((id) => ids.has(id)).length;
  checks.check(
    buried === poison.size && poison.size > 0,
    'poison ones among the dead letters',
    `${buried} in ${letters.length} notes`,
    `all ${poison.size}`,
  );
  const strangers = letters.filter((letter) => !poison.has(idOf(letter))).length;
  checks.check(strangers === 0, 'dead letters of anything else', strangers, 0);
  const mute = letters.filter(
    (letter) => !poison.get(idOf(letter))?.test(letter.headers['Switchyard-Reason'] ?? ''),
  );
  checks.check(mute.length === 0, 'dead letters without the right reason', mute.length, 0);
  for (const { headers } of mute.slice(0, 5)) console.log(`       ${JSON.stringify(headers)}`);
  const told = letters.filter(
    ({ body, headers }) => body.length > 0 || JSON.stringify(headers).includes('canary'),
  );
  checks.check(told.length === 0, 'dead letters that hold what was sent', told.length, 0);
};

const idOf = ({ headers }: DeadLetter): string => headers['Switchyard-Id'] ?? '';

const lettersOf = async (producer: Producer, count: number): Promise<DeadLetter[]> => {
  const untilMs = performance.now() + LETTERS_WAIT_MS;
  for (;;) {
    const letters = await producer.deadLetters();
    if (new Set(letters.map(idOf)).size >= count || performance.now() > untilMs) return letters;
    await pause(250);
  }
};
