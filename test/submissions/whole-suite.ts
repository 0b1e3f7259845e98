import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CASES } from '../acceptance/parity/cases.ts';
import { runCases } from '../acceptance/parity/run-cases.ts';
import { runBacklog } from '../acceptance/submissions/run-backlog.ts';
import type { Checks } from '../acceptance/support/checks.ts';

/** Whole systems on a busy machine. */
const options = { timeout: 400_000 };
const WAYS = 3;
/** Enough that a kill comes in the middle. */
const BACKLOG = 2_000;

const asserting: Checks = {
  check: (ok, name, figure, bound) => assert(ok, `${name}: ${figure} (${bound})`),
  table: () => undefined,
  end: () => undefined,
};

/** A broker that has nobody else on it. */
type TakeBroker = (
  part: 'parity' | 'backlog',
) => Promise<AsyncDisposable & { readonly url: string }>;

/** What the acceptance programs `parity` and `submissions` show, smaller, on one broker. */
export const wholeSuite = (broker: string, take: TakeBroker): void => {
  test(`every case ends in the same way over HTTP and ${broker}`, options, async () => {
    await using server = await take('parity');
    const verdicts = await runCases(broker, server.url);
    assert.deepEqual(
      verdicts.filter(({ fault }) => fault !== undefined),
      [],
    );
    assert.equal(verdicts.length, WAYS * Object.keys(CASES).length);
  });

  test('a backlog runs once, through a kill of intake, without its poison', options, async () => {
    await using server = await take('backlog');
    await runBacklog(asserting, { brokerUrl: server.url, count: BACKLOG, fsync: false });
  });
};
