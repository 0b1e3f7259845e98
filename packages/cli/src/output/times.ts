const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** A duration for people, in the units that matter: `12 ms`, `3.4 s`, `2 min 5 s`, `3 d 4 h`. */
export const duration = (ms: number): string => {
  if (ms < SECOND_MS) return `${Math.round(ms)} ms`;
  if (ms < MINUTE_MS) return `${(ms / SECOND_MS).toFixed(1)} s`;
  if (ms < HOUR_MS) return twoOf(ms, MINUTE_MS, 'min', SECOND_MS, 's');
  if (ms < DAY_MS) return twoOf(ms, HOUR_MS, 'h', MINUTE_MS, 'min');
  return twoOf(ms, DAY_MS, 'd', HOUR_MS, 'h');
};

const twoOf = (
  ms: number,
  unitMs: number,
  unit: string,
  lesserMs: number,
  lesser: string,
): string => {
  const rest = Math.floor((ms % unitMs) / lesserMs);
  return `${Math.floor(ms / unitMs)} ${unit}${rest === 0 ? '' : ` ${rest} ${lesser}`}`;
};

/** How long ago a moment is, by this machine's clock; a moment to come is `now`. */
export const ago = (iso: string): string => {
  const ms = Date.now() - Date.parse(iso);
  return ms < SECOND_MS ? 'now' : `${duration(Math.floor(ms / SECOND_MS) * SECOND_MS)} ago`;
};
