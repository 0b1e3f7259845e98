/** The jobs that a worker holds: at most `concurrency` of them run, the rest waits for a slot. */
import type { ExchangeAnswer } from '@switchyard/contracts';
import { type ClaimRef, isOf, keyOf } from './outbox.ts';

export type Claim = ExchangeAnswer['jobs'][number] & { readonly input: Buffer };

/** A claim that this worker holds. */
export class Held {
  readonly claim: Claim;
  #controller: AbortController | undefined;
  #reason: DOMException | undefined;

  constructor(claim: Claim) {
    this.claim = claim;
  }

  /** Made when it is first asked for: few handlers do, and it costs as much as a short job. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  get aborted(): boolean {
    return this.#reason !== undefined;
  }

  abort(why: string): void {
    if (this.aborted) return;
    this.#reason = new DOMException(`The job was stopped: ${why}.`, 'AbortError');
    this.#controller?.abort(this.#reason);
  }
}

/** Runs one claim to its end. It must not throw. */
type RunClaim = (held: Held) => Promise<void>;

/**
 * The server's clock ends a job; the worker's own timer only stands behind it, for a server that
 * cannot be reached. It comes later, so that the job is TIMED_OUT there before it stops here.
 */
const OVERRUN_GRACE_MS = 2_000;
/** Timers beyond this fire at once instead. */
const TIMER_MAX_MS = 2 ** 31 - 1;

export class Slots {
  readonly #concurrency: number;
  readonly #run: RunClaim;
  readonly #onFree: () => void;
  readonly #running = new Map<string, Held>();
  readonly #waiting = new Map<string, Held>();

  /** `onFree` is called each time that a job has ended. */
  constructor(concurrency: number, run: RunClaim, onFree: () => void) {
    this.#concurrency = concurrency;
    this.#run = run;
    this.#onFree = onFree;
  }

  get free(): number {
    return Math.max(0, this.#concurrency - this.#running.size - this.#waiting.size);
  }

  get idle(): boolean {
    return this.#running.size === 0 && this.#waiting.size === 0;
  }

  jobs(): string[] {
    return [...this.#running.values(), ...this.#waiting.values()].map(({ claim }) => claim.job);
  }

  /** Starts `claim`, or keeps it for the next free slot. One that is held already is not new. */
  take(claim: Claim): void {
    const key = keyOf(claim);
    if (this.#running.has(key) || this.#waiting.has(key)) return;
    this.#waiting.set(key, new Held(claim));
    this.#fill();
  }

  /**
   * Tells the handler of `claim` to end. Its slot is free when it has ended, not before.
   * @returns whether that was news: the gateway says it again until the job is gone.
   */
  stop(claim: ClaimRef, reason: string): boolean {
    for (const [key, held] of this.#waiting) {
      if (isOf(held.claim, claim)) return this.#waiting.delete(key);
    }
    const held = [...this.#running.values()].find((one) => isOf(one.claim, claim));
    if (held === undefined || held.aborted) return false;
    held.abort(reason);
    return true;
  }

  #fill(): void {
    for (const [key, held] of this.#waiting) {
      if (this.#running.size >= this.#concurrency) return;
      this.#waiting.delete(key);
      this.#running.set(key, held);
      void this.#work(key, held);
    }
  }

  async #work(key: string, held: Held): Promise<void> {
    const timerMs = held.claim.executionTimeoutMs + OVERRUN_GRACE_MS;
    const timer =
      timerMs > TIMER_MAX_MS ? undefined : setTimeout(() => held.abort('overrun'), timerMs);
    await this.#run(held);
    clearTimeout(timer);
    this.#running.delete(key);
    this.#fill();
    this.#onFree();
  }
}
