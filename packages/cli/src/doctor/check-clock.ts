import { duration } from '../output/times.ts';
import { type Finding, findingsOf } from './finding.ts';

const { fine, warning, error } = findingsOf('clock');

/** A question for the time: when it was sent and answered here, and what the other side said. */
export type Clock = {
  readonly sentMs: number;
  readonly answeredMs: number;
  readonly toldMs: number;
};

const WARNING_MS = 5_000;
const ERROR_MS = 60_000;

/** Compares this machine's clock with that of `whom`, less what the question itself took. */
export const checkClock = (whom: string, { sentMs, answeredMs, toldMs }: Clock): Finding => {
  const tripMs = Math.max(0, answeredMs - sentMs);
  const aheadMs = (sentMs + answeredMs) / 2 - toldMs;
  const offMs = Math.max(0, Math.abs(aheadMs) - tripMs / 2);
  const code = `clock.${whom.replace(/^the /, '')}`;
  if (offMs < WARNING_MS) return fine(code, `The clock here and that of ${whom} agree.`);
  const cause =
    `The clock of this machine is ${duration(offMs)} ${aheadMs > 0 ? 'ahead of' : 'behind'} that ` +
    `of ${whom}.`;
  const remedy =
    'Set the one that is wrong by NTP (timedatectl set-ntp true): the ages of ids, signatures of ' +
    'webhooks and the expiry of keys go by it.';
  return offMs < ERROR_MS ? warning(code, cause, remedy) : error(code, cause, remedy);
};
