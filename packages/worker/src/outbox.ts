/** What is to be posted, in order, until the gateway has answered for it. */
import { RESULT_MAX_BYTES } from '@switchyard/contracts';
import type { Post } from './handler.ts';

/** One claim of a job, by which posts are fenced. */
export type ClaimRef = { readonly job: string; readonly claimNo: number };
export type ClaimPost = Post & ClaimRef;

/** Beyond this many unsent bytes the worker takes no more jobs and its streams wait. */
const FULL_BYTES = 64 * 1024 * 1024;
const POSTS_MAX = 1_000;

export const keyOf = ({ job, claimNo }: ClaimRef): string => `${job} ${claimNo}`;

export const isLast = ({ kind }: Post): boolean => kind === 'output' || kind === 'error';

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

  /** The next posts to send, at most 1,000 with 20 MiB of bodies; `settle` or `putBack` follows. */
  take(): readonly ClaimPost[] {
    const progress = [...this.#progress.values()].slice(0, this.#limit);
    for (const post of progress) this.#progress.delete(keyOf(post));
    let bytes = progress.reduce((sum, { body }) => sum + body.length, 0);
    let count = 0;
    for (const { body } of this.#queue) {
      bytes += body.length;
      const fits = bytes <= RESULT_MAX_BYTES && progress.length + count < this.#limit;
      if (!fits && progress.length + count > 0) break;
      count += 1;
    }
    this.#taken = [...progress, ...this.#queue.splice(0, count)];
    return this.#taken;
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

  /** Drops every post of `claim` that is not under way. */
  drop(claim: ClaimRef): void {
    const key = keyOf(claim);
    const isOther = (post: ClaimPost) => keyOf(post) !== key;
    const dropped = [...this.#queue, ...this.#progress.values()].filter((post) => !isOther(post));
    this.#queue = this.#queue.filter(isOther);
    this.#progress.delete(key);
    for (const { body } of dropped) this.#grow(-body.length);
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
