import { setTimeout as pause } from 'node:timers/promises';
import { startNats } from '../../support/nats.ts';
import { startRabbit } from '../../support/rabbitmq.ts';
import { judgeEvents, judgeJobs } from '../load/judge-load.ts';
import { openLoad } from '../load/open-load.ts';
import { untilQuiet } from '../load/read-jobs.ts';
import type { Checks } from '../support/checks.ts';
import { judgeAbsence } from './judge-absence.ts';
import { judgeReturn } from './judge-return.ts';
import { PER_SECOND, type Seen, type Waited } from './seen.ts';

/** A broker of its own that may be stopped and started again. */
export type StoppableBroker = AsyncDisposable & {
  readonly url: string;
  stop(): Promise<void>;
  start(): Promise<void>;
};

export const BROKERS: readonly {
  readonly name: string;
  readonly open: () => Promise<StoppableBroker>;
}[] = [
  { name: 'nats', open: () => startNats() },
  { name: 'rabbitmq', open: () => startRabbit() },
];

const BEFORE_MS = 30_000;
const AWAY_MS = 60_000;
const AFTER_MS = 30_000;
const QUIET_MAX_MS = 60_000;
const EVENTS_WAIT_MS = 60_000;

/** Runs the load on one broker and judges it. */
export const runAway = async (
  { open }: (typeof BROKERS)[number],
  checks: Checks,
): Promise<void> => {
  await using server = await open();
  const { url } = server;
  await using load = await openLoad({
    brokerUrl: url,
    eventsUrl: url,
    concurrency: 16,
    workMs: 20,
  });
  const { switchyard, watch, journal } = load;
  const posting = load.post({
    count: (PER_SECOND * (BEFORE_MS + AWAY_MS + AFTER_MS)) / 1_000,
    concurrency: 64,
    perSecond: PER_SECOND,
    // For a connection that is lost: what intake refuses counts as refused all the same.
    retryAfterMs: [500],
    keyPrefix: 'away-',
  });
  await pause(BEFORE_MS);
  const stoppedAtMs = Date.now();
  await server.stop();
  await pause(AWAY_MS / 2);
  const doors = await Promise.all(
    ['intake', 'supervisor'].map((name) => fetch(`${switchyard.process(name).url}/readyz`)),
  );
  await pause(stoppedAtMs + AWAY_MS - Date.now());
  await server.start();
  const returnedAtMs = Date.now();
  const report = await posting.report;
  const endedAtMs = Date.now();
  await untilQuiet(load.reader, QUIET_MAX_MS);

  const ids = [...load.acknowledged().values()];
  const statuses = await judgeJobs(checks, load, ids);
  const jobs = new Map(
    [...statuses].map(([id, status]): [string, Waited] => [
      id,
      {
        acceptedAtMs: Date.parse(status?.body.switchyard?.createdAt ?? ''),
        delayMs: status?.body.delayTime ?? Infinity,
      },
    ]),
  );
  const seen: Seen = { checks, stoppedAtMs, returnedAtMs, endedAtMs, watch, journal, jobs };
  judgeAbsence(seen, report, doors.filter(({ ok }) => ok).length);
  await judgeEvents(checks, load, ids, EVENTS_WAIT_MS);
  judgeReturn(seen);
};
