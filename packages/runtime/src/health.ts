import manifest from '../package.json' with { type: 'json' };

/** Of the whole of Switchyard: its packages have one version. */
export const VERSION: string = manifest.version;

const CHECK_MAX_MS = 2_000;

export type CheckResult = { readonly ok: boolean; readonly detail?: string };
/** Says whether one thing that the process needs is there; `detail` is read by anybody who asks. */
export type HealthCheck = () => CheckResult | Promise<CheckResult>;

export type Readiness = {
  readonly ok: boolean;
  readonly checks: Readonly<Record<string, CheckResult>>;
};

export type Health = {
  /** Adds a check, or replaces the one of that name. */
  readonly register: (name: string, check: HealthCheck) => void;
  /** Whether the process can serve: all checks are good. Those who ask at once share one answer. */
  readonly readyz: () => Promise<Readiness>;
  /** That the process is alive, since it answers, and which version it is. */
  readonly live: () => CheckResult & { readonly version: string };
};

/**
 * What `/healthz` and `/readyz` answer. A check that takes longer than 2 s is not good, nor is one
 * that throws; why it threw is for the log and not for whoever asks.
 */
export const createHealth = (): Health => {
  const checks = new Map<string, HealthCheck>();
  let underWay: Promise<Readiness> | undefined;

  const runAll = async (): Promise<Readiness> => {
    const results = await Promise.all(
      [...checks].map(async ([name, check]) => [name, await runCheck(check)] as const),
    );
    return { ok: results.every(([, { ok }]) => ok), checks: Object.fromEntries(results) };
  };

  return {
    register: (name, check) => void checks.set(name, check),
    readyz: () => {
      underWay ??= runAll().finally(() => {
        underWay = undefined;
      });
      return underWay;
    },
    live: () => ({ ok: true, version: VERSION }),
  };
};

const runCheck = async (check: HealthCheck): Promise<CheckResult> => {
  const tooLate = Promise.withResolvers<CheckResult>();
  const timer = setTimeout(
    () => tooLate.resolve({ ok: false, detail: `No answer within ${CHECK_MAX_MS} ms.` }),
    CHECK_MAX_MS,
  );
  try {
    return await Promise.race([check(), tooLate.promise]);
  } catch {
    return { ok: false, detail: 'The check itself failed.' };
  } finally {
    clearTimeout(timer);
  }
};
