import type { Checks } from '../support/checks.ts';
import type { OfferReport } from './offer-plan.ts';
import type { Look } from './probe.ts';
import type { Measured } from './run-part.ts';

const RECOVERY_MAX_MS = 10_000;
/** Normal is what goes on for so long, and this many times as slow at the most as it was. */
const NORMAL_FOR_MS = 2_000;
const LOOKS_MIN = 4;
const SLOWER_TIMES = 2;
/** What a machine that others use as well may add. */
const BLUR_MS = 10;

const between = (looks: readonly Look[], fromMs: number, toMs: number): Look[] =>
  looks.filter(({ atMs }) => atMs >= fromMs && atMs < toMs);

/** The median; undefined when any of them is missing. */
const medianOf = (values: readonly (number | undefined)[]): number | undefined => {
  const sorted = values.filter((value) => value !== undefined).sort((a, b) => a - b);
  return sorted.length === values.length ? sorted[Math.floor(sorted.length / 2)] : undefined;
};

type Medians = { readonly acceptMs: number | undefined; readonly runMs: number | undefined };

const mediansOf = (looks: readonly Look[]): Medians => ({
  acceptMs: medianOf(looks.map(({ acceptMs }) => acceptMs)),
  runMs: medianOf(looks.map(({ runMs }) => runMs)),
});

const isNormal = (looks: readonly Look[], usual: Medians): boolean => {
  const { acceptMs, runMs } = mediansOf(looks);
  if (looks.length < LOOKS_MIN || acceptMs === undefined || runMs === undefined) return false;
  const bound = (ms = 0): number => SLOWER_TIMES * ms + BLUR_MS;
  return acceptMs <= bound(usual.acceptMs) && runMs <= bound(usual.runMs);
};

/** How soon after the overload a user who comes by meets what users met before it. */
export const judgeRecovery = (checks: Checks, measured: Measured): void => {
  const { looks, before, overload } = measured;
  const { endedAtMs } = overload;
  const usual = mediansOf(between(looks, before.beganAtMs, before.endedAtMs));
  const later = looks.filter(({ atMs }) => atMs >= endedAtMs);
  const normal = later.find(({ atMs }) =>
    isNormal(between(looks, atMs, atMs + NORMAL_FOR_MS), usual),
  );
  const tookMs = normal === undefined ? undefined : normal.atMs - endedAtMs;
  checks.check(
    tookMs !== undefined && tookMs <= RECOVERY_MAX_MS,
    'back to normal after the overload, in s',
    tookMs === undefined ? 'not seen' : (tookMs / 1_000).toFixed(1),
    `at most ${RECOVERY_MAX_MS / 1_000}`,
  );
  for (const [name, report] of Object.entries({ before, meanwhile: overload })) {
    console.log(`       ${name}: ${tellLooks(looks, report)}`);
  }
};

const tellLooks = (looks: readonly Look[], { beganAtMs, endedAtMs }: OfferReport): string => {
  const within = between(looks, beganAtMs, endedAtMs);
  const accepted = within.flatMap(({ acceptMs }) => acceptMs ?? []);
  const run = within.flatMap(({ runMs }) => runMs ?? []);
  const median = (values: readonly number[]): string => medianOf(values)?.toFixed(1) ?? 'none';
  return (
    `of ${within.length} looks ${accepted.length} got a job into the queue, median ` +
    `${median(accepted)} ms; ${run.length} ran one on the other endpoint, ${median(run)} ms`
  );
};
