/** What is to be posted, in order, until the gateway has answered for it. */
import { RESULT_MAX_BYTES } from '@switchyard/contracts';
import type { Post } from './handler.ts';

/** One claim of a job, by which posts are fenced. In a stop, 0 means whatever claim there is. */
export type ClaimRef = { readonly job: string; readonly claimNo: number };
export type ClaimPost = Post & ClaimRef;

/** Beyond this many unsent bytes the worker takes no more jobs and its streams wait. */
const FULL_BYTES = 64 * 1024 * 1024;
const POSTS_MAX = 1_000;
/** What a post takes in the header of its frame, at the most. */
const HEADER_BYTES = 200;

/** One text for each claim. */
export const keyOf = ({ job, claimNo }: ClaimRef): string => `${job} ${claimNo}`;

/** Whether `claim` is the one that a stop names. */
export const isOf = (claim: ClaimRef, named: ClaimRef): boolean =>
  claim.job === named.job && (named.claimNo === 0 || claim.claimNo === named.claimNo);

/** Whether `post` ends its job. */
export const isLast = (post: Post): boolean => post.kind === 'output' || post.kind === 'error';

export class Outbox {
  #queue: ClaimPost[] = [];
  /** Of each claim the newest progress alone. */
  readonly #progress = new Map<string, ClaimPost>();
  #taken: readonly ClaimPost[] = [];
  #bytes = 0;
  #limit = POSTS_MAX;
  #waiting: (() => void)[] = [];

  get empty(): boolean {
    return this.#queue.length === 0 && this.#progress.size === 0;
  }

  /** Whether the bytes that were neither answered nor dropped exceed the bound. */
  get full(): boolean {
    return this.#bytes > FULL_BYTES;
  }

  /** Resolves when the outbox is not full. */
  async room(): Promise<void> {
    while (this.full) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  add(post: ClaimPost): void {
    const key = keyOf(post);
    const outdated = this.#progress.get(key);
    if (outdated !== undefined && (post.kind === 'progress' || isLast(post))) {
      this.#progress.delete(key);
      this.#grow(-outdated.body.length);
    }
    this.#grow(post.body.length);
    if (post.kind === 'progress') this.#progress.set(key, post);
    else this.#queue.push(post);
  }

  /**
   * The next posts to send, at most 1,000, and at most 20 MiB unless one alone takes that much.
   * `settle` or `putBack` must follow before the next.
   */
  take(): readonly ClaimPost[] {
    const ready = [...this.#progress.values(), ...this.#queue];
    let bytes = 0;
    let count = 0;
    for (const { body } of ready) {
      bytes += body.length + HEADER_BYTES;
      if (count === this.#limit || (count > 0 && bytes > RESULT_MAX_BYTES)) break;
      count += 1;
    }
    const taken = ready.slice(0, count);
    for (const post of taken) if (post.kind === 'progress') this.#progress.delete(keyOf(post));
    this.#queue.splice(0, taken.filter(({ kind }) => kind !== 'progress').length);
    this.#taken = taken;
    return taken;
  }

  /** What was taken has been answered: it is forgotten, accepted or not. */
  settle(): void {
    this.#limit = POSTS_MAX;
    this.#forgetTaken();
  }

  /** What was taken has not been answered: it goes first again, without what is outdated by now. */
  putBack(): void {
    const taken = this.#taken;
    this.#forgetTaken();
    const progress = taken.filter(({ kind }) => kind === 'progress');
    const ended = new Set(this.#queue.filter(isLast).map(keyOf));
    for (const post of progress) {
      if (ended.has(keyOf(post)) || this.#progress.has(keyOf(post))) continue;
      this.add(post);
    }
    const rest = taken.filter(({ kind }) => kind !== 'progress');
    for (const { body } of rest) this.#grow(body.length);
    this.#queue = [...rest, ...this.#queue];
  }

  /** From now on one post at a time, until one is answered: to find out which one is refused. */
  oneByOne(): void {
    this.#limit = 1;
  }

  /** Drops every post of `claim` that is not under way. @returns whether there was one. */
  drop(claim: ClaimRef): boolean {
    const dropped = [...this.#queue, ...this.#progress.values()].filter((one) => isOf(one, claim));
    if (dropped.length === 0) return false;
    this.#queue = this.#queue.filter((one) => !isOf(one, claim));
    for (const post of dropped) {
      if (post.kind === 'progress') this.#progress.delete(keyOf(post));
      this.#grow(-post.body.length);
    }
    return true;
  }

  /** The jobs whose result still waits here: the worker holds them until it is sent. */
  jobs(): string[] {
    return this.#queue.filter(isLast).map(({ job }) => job);
  }

  #forgetTaken(): void {
    for (const { body } of this.#taken) this.#grow(-body.length);
    this.#taken = [];
  }

  #grow(bytes: number): void {
    this.#bytes += bytes;
    if (this.full || this.#waiting.length === 0) return;
    for (const go of this.#waiting.splice(0)) go();
  }
}
