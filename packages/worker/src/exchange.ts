/**
 * When the worker speaks to the gateway, and what it says. One exchange without posts is held by
 * the gateway until there is something to tell; as soon as posts are ready one more carries all of
 * them, and what becomes ready meanwhile waits for the next. `docs/worker-protocol.md` tells why.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { type ExchangeRequest, encodeFrame, POLL_HOLD_MS } from '@switchyard/contracts';
import type { Call, Gateway, Reply } from './gateway.ts';
import type { Log } from './log.ts';
import { type ClaimPost, isLast, type Outbox } from './outbox.ts';
import type { Slots } from './slots.ts';

/** How long a held exchange may be silent beyond its `waitMs`. */
const HELD_SILENCE_MS = POLL_HOLD_MS + 10_000;
/** The gateway holds results for up to 120 s while its database is away. */
const POSTS_SILENCE_MS = 130_000;
/** A replaced exchange is answered at once; if not, its connection is presumed dead. */
const REPLACED_SILENCE_MS = 5_000;
const BACK_OFF_MS = { first: 100, last: 5_000 } as const;
/** How long a gateway that refuses the worker, or asks it to slow down, is left alone. */
const REFUSED_PAUSE_MS = 5_000;
/** Held exchanges that come back at once without news must not become a busy loop. */
const HOT_ANSWER_MS = 250;

type Flight = {
  readonly posts: readonly ClaimPost[];
  readonly free: number;
  readonly call: Call;
  readonly sentAt: number;
  replaced: boolean;
};

type Parts = {
  readonly gateway: Gateway;
  readonly outbox: Outbox;
  readonly slots: Slots;
  readonly log: Log;
};

export class Exchange {
  readonly #parts: Parts;
  readonly #flights = new Set<Flight>();
  readonly #done = Promise.withResolvers<void>();
  readonly #ending = new AbortController();
  #leaving = false;
  #awake = false;
  #paused = false;
  #waitPaused = false;
  #backOffMs: number = BACK_OFF_MS.first;
  /** What was last said about the gateway, so that an outage is one line and not a thousand. */
  #trouble = '';

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Resolves when the worker has left: nothing runs, and everything is posted. */
  get done(): Promise<void> {
    return this.#done.promise;
  }

  /** Takes no more jobs, finishes and posts what there is, then leaves. Idempotent. */
  leave(): void {
    this.#leaving = true;
    this.wake();
  }

  /**
   * To be called whenever something has changed. What else changes in the same turn of the event
   * loop goes into the same exchange.
   */
  wake(): void {
    if (this.#awake) return;
    this.#awake = true;
    setImmediate(() => {
      this.#awake = false;
      this.#next();
    });
  }

  #next(): void {
    if (this.#ending.signal.aborted) return;
    if (this.#canEnd()) {
      this.#end();
      return;
    }
    const [held, second] = this.#flights;
    // Never may more than one exchange cross another, or a job that is still on its way to this
    // worker would be missing from two inventories and be taken for lost.
    if (second !== undefined || held?.replaced || (held?.posts.length ?? 0) > 0) return;
    if (this.#paused) return;
    if (!this.#parts.outbox.empty) this.#send(this.#parts.outbox.take(), held);
    else if (!this.#waitPaused && held?.free !== this.#free()) this.#send([], held);
  }

  #free(): number {
    return this.#leaving || this.#parts.outbox.full ? 0 : this.#parts.slots.free;
  }

  /** No answer that could still bring a job may be on its way. */
  #canEnd(): boolean {
    const { slots, outbox } = this.#parts;
    const none = [...this.#flights].every(({ free, posts }) => free === 0 && posts.length === 0);
    return this.#leaving && slots.idle && outbox.empty && none;
  }

  #end(): void {
    this.#ending.abort();
    for (const { call } of this.#flights) call.abandon();
    this.#parts.gateway.close();
    this.#done.resolve();
  }

  #send(posts: readonly ClaimPost[], held: Flight | undefined): void {
    const { gateway, outbox, slots } = this.#parts;
    const free = this.#free();
    const header: ExchangeRequest = {
      free,
      held: [...new Set([...slots.jobs(), ...outbox.jobs()])],
      waitMs: posts.length > 0 || (this.#leaving && slots.idle) ? 0 : POLL_HOLD_MS,
      posts: posts.map(({ job, claimNo, kind, seq }) =>
        seq === undefined ? { job, claimNo, kind } : { job, claimNo, kind, seq },
      ),
    };
    const frame = encodeFrame(
      header,
      posts.map(({ body }) => body),
    );
    if (held !== undefined) {
      held.replaced = true;
      held.call.allowSilence(REPLACED_SILENCE_MS);
    }
    const call = gateway.post(frame, posts.length > 0 ? POSTS_SILENCE_MS : HELD_SILENCE_MS);
    const flight: Flight = { posts, free, call, sentAt: performance.now(), replaced: false };
    this.#flights.add(flight);
    void call.reply.then((reply) => this.#land(flight, reply));
  }

  #land(flight: Flight, reply: Reply): void {
    this.#flights.delete(flight);
    if (this.#ending.signal.aborted) return;
    switch (reply.kind) {
      case 'answer':
        this.#answered(flight, reply);
        break;
      case 'refused':
        this.#refused(flight, reply);
        break;
      case 'unanswered':
        this.#unanswered(flight, reply.detail);
        break;
      default:
        reply satisfies never;
    }
    this.wake();
  }

  #answered(flight: Flight, { answer, inputs }: Reply & { kind: 'answer' }): void {
    const { outbox, slots, log } = this.#parts;
    if (flight.posts.length > 0) outbox.settle();
    this.#backOffMs = BACK_OFF_MS.first;
    if (this.#trouble !== '') log.info('The gateway answers again.');
    this.#trouble = '';
    let stops = 0;
    for (const stop of answer.stop) {
      const isNews = [outbox.drop(stop), slots.stop(stop, stop.reason)].includes(true);
      if (isNews) stops += 1;
    }
    answer.jobs.forEach((job, index) => {
      const input = inputs[index];
      if (input !== undefined) slots.take({ ...job, input });
    });
    if (answer.drain) this.#leaving = true;
    const hasNews = flight.posts.length + answer.jobs.length + stops > 0;
    const isQuick = performance.now() - flight.sentAt < HOT_ANSWER_MS;
    if (isQuick && !hasNews && !flight.replaced) this.#pauseWaiting();
  }

  #refused(flight: Flight, reply: Reply & { kind: 'refused' }): void {
    const { outbox } = this.#parts;
    const { status, retryAfterMs, code, detail } = reply;
    this.#tell(`status ${status}`, detail);
    if (isAboutPosts(code) && flight.posts.length > 0) {
      this.#refusedPosts(flight, reply);
      return;
    }
    if (flight.posts.length > 0) outbox.putBack();
    this.#pause(status === 429 ? (retryAfterMs ?? REFUSED_PAUSE_MS) : REFUSED_PAUSE_MS);
  }

  /** One post that the gateway will never take must not keep the others back. */
  #refusedPosts(flight: Flight, { status, detail }: Reply & { kind: 'refused' }): void {
    const { outbox, log } = this.#parts;
    const [post, another] = flight.posts;
    if (post === undefined || another !== undefined) {
      outbox.putBack();
      outbox.oneByOne();
      return;
    }
    outbox.settle();
    const { job, claimNo, kind } = post;
    log.error('The gateway refuses a post for good.', { job, kind, status });
    if (kind === 'progress' || kind === 'error') return;
    const sentence = `The gateway refused the ${kind} of this job: status ${status}. ${detail}`;
    const body = Buffer.from(JSON.stringify(sentence.trim()));
    outbox.drop({ job, claimNo });
    outbox.add({ job, claimNo, kind: 'error', body });
    if (!isLast(post)) this.#parts.slots.stop({ job, claimNo }, 'a chunk was refused');
  }

  #unanswered(flight: Flight, detail: string): void {
    if (flight.posts.length > 0) this.#parts.outbox.putBack();
    // A connection that was replaced may well be dead: what matters is the one that followed.
    if (flight.replaced) return;
    this.#tell(detail, '');
    this.#pause(this.#backOffMs * (0.5 + Math.random() / 2));
    this.#backOffMs = Math.min(2 * this.#backOffMs, BACK_OFF_MS.last);
  }

  #tell(trouble: string, detail: string): void {
    if (this.#trouble === trouble) return;
    this.#trouble = trouble;
    this.#parts.log.warn('The gateway does not take the exchange; it is repeated.', {
      trouble,
      ...(detail === '' ? {} : { detail }),
    });
  }

  #pause(ms: number): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#after(ms, () => {
      this.#paused = false;
    });
  }

  #pauseWaiting(): void {
    this.#waitPaused = true;
    this.#after(HOT_ANSWER_MS, () => {
      this.#waitPaused = false;
    });
  }

  #after(ms: number, act: () => void): void {
    const { signal } = this.#ending;
    wait(ms, undefined, { signal }).then(
      () => {
        act();
        this.wake();
      },
      () => undefined,
    );
  }
}

/**
 * Whether the gateway refuses what was sent; the other refusals are about who sent it, or how
 * often. A 400 of anything that stands in between is no reason to give a result up.
 */
const isAboutPosts = (code: string): boolean => code.startsWith('request.');
