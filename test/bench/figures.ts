/** Sums of repeated readings. Pure. */

/** The value that `part` of `values` do not exceed, nearest rank; NaN for none. */
export const quantile = (values: readonly number[], part: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN;
};

/** The middle value, or the mean of the two in the middle; NaN for none. */
export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
  return (lower + upper) / 2;
};

export type Spread = { readonly median: number; readonly min: number; readonly max: number };

/** The median of `values` between the least and the largest. */
export const spreadOf = (values: readonly number[]): Spread => ({
  median: median(values),
  min: Math.min(...values),
  max: Math.max(...values),
});

/** A number with three digits that count: `12,345`, `1.23`. */
export const brief = (value: number): string => {
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
};

/** `median [min–max]`. */
export const tellSpread = ({ median: middle, min, max }: Spread): string =>
  min === max ? brief(middle) : `${brief(middle)} [${brief(min)}–${brief(max)}]`;
