/**
 * Ten minutes of low jobs under an endless stream of high ones at 90 % load: none waits too long.
 *
 * One worker of 20 slots and jobs of a second: 20 jobs/s. The high ones come in waves, 75 s at
 * 120 % and 75 s at 60 %, so that low ones find no gap for over a minute; their ttl of a minute is
 * nearer than that of any low job with an hour, so that by deadline alone they would go first for
 * as long as the wave lasts. Low jobs add 3 %.
 *
 * The bound on a low job's wait: it escalates after `afterMs` (escalateAfterMs, or when a quarter
 * of its ttl is left), and goes to the head of the queue after as long again (or half of what its
 * ttl has left). Each of the two may be a sweep (500 ms) and a second late. At the head it waits
 * for a slot, of which 20 become free each second, and for a claim: another second.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { JobDetail } from '@switchyard/contracts';
import { troubleIn } from './load/judge-logs.ts';
import { openJobReader, tally, tellTally, untilQuiet } from './load/read-jobs.ts';
import { startJournalWorker } from './load/start-journal-worker.ts';
import { type Posted, postStream, type Stream } from './low-never-starves/streams.ts';
import { callsTo } from './support/call-http.ts';
import { startChecks } from './support/checks.ts';
import { openSystem } from './support/open-system.ts';
import { makeKey } from './support/setup-calls.ts';

const DURATION_MS = Number(process.argv[2] ?? 600) * 1_000;
const ENDPOINT = 'mixed';
const SLOTS = 20;
const WORK_MS = 1_000;
const CAPACITY = (SLOTS * 1_000) / WORK_MS;
const HALF_WAVE_MS = 75_000;
const ESCALATE_AFTER_MS = 30_000;
/** A sweep, and a second. */
const ESCALATION_LATE_MS = 1_500;
const LATE_MS = 2 * ESCALATION_LATE_MS + WORK_MS;
const QUIET_MAX_MS = 120_000;

type LowStream = Stream & { readonly afterMs: number; readonly boundMs: number };

const lowStream = (name: string, ttlMs: number): LowStream => {
  const afterMs = Math.min(ESCALATE_AFTER_MS, (ttlMs * 3) / 4);
  const headMs = afterMs + Math.min(ESCALATE_AFTER_MS, (ttlMs - afterMs) / 2);
  return {
    name,
    policy: { lowPriority: true, ttl: ttlMs },
    perSecond: () => CAPACITY * 0.015,
    afterMs,
    boundMs: Math.min(ttlMs, headMs + LATE_MS),
  };
};

const HIGH: Stream = {
  name: 'high',
  policy: { ttl: 60_000 },
  perSecond: (atMs) => CAPACITY * (atMs % (2 * HALF_WAVE_MS) < HALF_WAVE_MS ? 1.2 : 0.6),
};
const LOW = [lowStream('low, ttl an hour', 3_600_000), lowStream('low, ttl 36 s', 36_000)];

const checks = startChecks();
await using started = new AsyncDisposableStack();
const folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard-low-'));
started.defer(() => rm(folder, { recursive: true, force: true }));
const { switchyard } = started.use(
  await openSystem(`endpoints: { ${ENDPOINT}: { escalateAfterMs: ${ESCALATE_AFTER_MS} } }\n`),
);
const { apiUrl, apiKey, gatewayUrl } = switchyard;
const call = callsTo(apiUrl, apiKey);
const { key: token } = await makeKey(call, { scopes: ['worker'], endpoints: [ENDPOINT] });
const reader = started.use(openJobReader(apiUrl, ENDPOINT, apiKey));
const worker = started.use(
  startJournalWorker({
    ...{ gatewayUrl, endpoint: ENDPOINT, token, workerId: 'one', folder },
    concurrency: SLOTS,
    workMs: WORK_MS,
  }),
);

const detailOf = async (id: string): Promise<JobDetail> => {
  const { text } = await call(`GET /v1/jobs/${id}`);
  const detail: JobDetail = JSON.parse(text);
  return detail;
};

/** The longest wait beside its bound, and whether each that waited for it was escalated once. */
const judgeLow = async (stream: LowStream, { ids }: Posted): Promise<void> => {
  const details: JobDetail[] = [];
  for (const id of ids) details.push(await detailOf(id));
  const states = tally(details.map(({ status }) => status));
  checks.check(
    states.get('COMPLETED') === ids.length && ids.length > 0,
    `${stream.name}: ended`,
    tellTally(states),
    `all ${ids.length} COMPLETED`,
  );
  const waits = details.map(({ delayTime = Number.POSITIVE_INFINITY }) => delayTime);
  const longestMs = Math.max(...waits);
  checks.check(
    longestMs <= stream.boundMs,
    `${stream.name}: the longest wait, ms`,
    longestMs,
    `at most ${stream.boundMs}`,
  );
  const latest = stream.afterMs + LATE_MS / 2;
  const escalated = details.filter(({ events }) => events.some(isEscalation));
  const odd = details.filter(({ events, delayTime = 0, escalatedAt }) => {
    const times = events.filter(isEscalation).length;
    if (times !== (escalatedAt === undefined ? 0 : 1)) return true;
    return delayTime > latest ? times !== 1 : delayTime < stream.afterMs && times > 0;
  });
  checks.check(
    escalated.length > 0 && odd.length === 0,
    `${stream.name}: with an event "escalated"`,
    `${escalated.length}, of which wrongly ${odd.length}`,
    `some, each that waited ${latest} ms, once, and none before ${stream.afterMs} ms`,
  );
  const lateMs = escalated.map(
    ({ createdAt, escalatedAt = '' }) =>
      Date.parse(escalatedAt) - Date.parse(createdAt) - stream.afterMs,
  );
  checks.check(
    Math.min(...lateMs) >= 0 && Math.max(...lateMs) <= ESCALATION_LATE_MS,
    `${stream.name}: escalated after it was due by, ms`,
    `${Math.min(...lateMs)} to ${Math.max(...lateMs)}`,
    `0 to ${ESCALATION_LATE_MS}`,
  );
};

const isEscalation = ({ event }: { readonly event: string }): boolean => event === 'escalated';

const streams = [HIGH, ...LOW];
const beganMs = performance.now();
const posted = await Promise.all(
  streams.map((stream) => postStream(call, ENDPOINT, stream, DURATION_MS)),
);
const postedSeconds = (performance.now() - beganMs) / 1_000;
const isQuiet = await untilQuiet(reader, QUIET_MAX_MS);
checks.check(isQuiet, 'all were terminal after the last post', isQuiet ? 'yes' : 'no', 'yes');
const failures = posted.flatMap((one) => one.failures);
checks.check(failures.length === 0, 'posts that failed', failures.length, 0);
for (const failure of failures.slice(0, 3)) console.log(`       ${failure}`);

const high = posted[0]?.ids ?? [];
const load = (high.length / postedSeconds / CAPACITY) * 100;
checks.check(load >= 85, 'load of high jobs, %', load.toFixed(1), 'about 90, at least 85');
for (const [at, stream] of LOW.entries()) {
  await judgeLow(stream, posted[at + 1] ?? { ids: [], failures: [] });
}

const statuses = [...(await reader.statuses(high)).values()].map((found) => found?.body);
const highStates = tally(statuses.map((body) => body?.status ?? 'unread'));
checks.check(
  highStates.get('COMPLETED') === high.length,
  'high: ended',
  tellTally(highStates),
  `all ${high.length} COMPLETED`,
);
const ids = posted.flatMap((one) => one.ids);
const starts = tally(worker.starts());
const once = ids.filter((id) => starts.get(id) === 1).length;
checks.check(once === ids.length, 'ran exactly once', once, `all ${ids.length}`);
const trouble = troubleIn((await switchyard.logs()) + worker.log());
checks.check(trouble.length === 0, 'lines at error or fatal in any log', trouble.length, 0);
for (const line of trouble.slice(0, 5)) console.log(`       ${line.slice(0, 300)}`);
const longestHighMs = Math.max(...statuses.map((body) => body?.delayTime ?? 0));
console.log(`     the longest wait of a high job: ${longestHighMs} ms of its ttl of 60000`);
checks.end();
