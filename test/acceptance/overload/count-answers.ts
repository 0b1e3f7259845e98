import type { AnswerFigures } from './offer-plan.ts';

/** Counts the answers of a generator by their status. */
export type AnswerCounts = {
  readonly hear: (status: number, body: Buffer, head: string, tookMs: number) => void;
  readonly figures: () => Record<string, AnswerFigures>;
  readonly withoutRetryAfter: () => number;
};

type Answers = { readonly tookMs: number[]; readonly reasons: Record<string, number> };

const RETRY_AFTER = /^retry-after: *(\d+)\r?$/im;
const CODE = /"code":"([^"]+)"/;

export const countAnswers = (): AnswerCounts => {
  const byStatus = new Map<number, Answers>();
  let withoutRetryAfter = 0;
  const answersOf = (status: number): Answers => {
    const known = byStatus.get(status) ?? { tookMs: [], reasons: {} };
    byStatus.set(status, known);
    return known;
  };
  return {
    hear: (status, body, head, tookMs) => {
      const { tookMs: all, reasons } = answersOf(status);
      all.push(tookMs);
      if (status === 200) return;
      const seconds = RETRY_AFTER.exec(head)?.[1];
      if (seconds === undefined) withoutRetryAfter += 1;
      const code = CODE.exec(body.toString('latin1'))?.[1] ?? 'no code';
      const reason = `${code}, again after ${seconds ?? '?'} s`;
      reasons[reason] = (reasons[reason] ?? 0) + 1;
    },
    withoutRetryAfter: () => withoutRetryAfter,
    figures: () =>
      Object.fromEntries(
        [...byStatus].map(([status, { tookMs, reasons }]) => {
          tookMs.sort((a, b) => a - b);
          const at = (part: number): number => tookMs[Math.floor(part * (tookMs.length - 1))] ?? 0;
          const quantiles = { p50Ms: at(0.5), p99Ms: at(0.99), slowestMs: at(1) };
          return [String(status), { count: tookMs.length, reasons, ...quantiles }];
        }),
      ),
  };
};
