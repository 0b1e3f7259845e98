import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { killInTurn } from '../acceptance/kill-nine/kill-in-turn.ts';
import type { Checks } from '../acceptance/support/checks.ts';
import { chosenBrokers } from '../support/brokers.ts';

const PER_SECOND = 40;
/** A busy machine takes its time to start what was killed; the acceptance program has bounds. */
const RETRY_AFTER_MS = Array.from({ length: 90 }, () => 1_000);
const RECOVERY_MAX_MS = 90_000;
const PACE = {
  perSecond: PER_SECOND,
  retryAfterMs: RETRY_AFTER_MS,
  recoveryMaxMs: RECOVERY_MAX_MS,
};

// At once, as most of it is waiting for what was started again.
describe('no acknowledged job is lost to kill -9', { concurrency: true }, () => {
  for (const broker of chosenBrokers()) {
    it(`of services, Postgres and ${broker}`, { timeout: 500_000 }, async () => {
      const faults: string[] = [];
      const check: Checks['check'] = (ok, what, figure, bound) => {
        if (!ok) faults.push(`${what}: ${figure} (${bound})`);
      };
      const checks: Checks = { check, table: () => undefined, end: () => undefined };
      await killInTurn({ checks, broker, ...PACE });
      assert.deepEqual(faults, []);
    });
  }
});
